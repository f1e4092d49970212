"""Types of MRML nodes and VTK objects in signatures are those that Slicer has."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest
import slicer

PACKAGE = Path(__file__).resolve().parents[2] / "EvanySegSlicer" / "EvanySegSlicerLib"
FILES = [p for folder in ("scene", "presenters", "demo") for p in sorted((PACKAGE / folder).rglob("*.py"))]
DESKTOP_ONLY = {"qt", "ctk"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_names_imported_for_types_exist(path):
    """Nothing evaluates them at run time: a misspelt one would never be noticed."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            continue
        for line in node.body:
            if isinstance(line, ast.ImportFrom) and line.module and line.level == 0:
                assert line.module not in DESKTOP_ONLY, "no Qt outside desktop/"
                module = slicer if line.module == "slicer" else importlib.import_module(line.module)
                missing = [alias.name for alias in line.names if not hasattr(module, alias.name)]
                assert not missing, f"{line.module} has no {', '.join(missing)}"
