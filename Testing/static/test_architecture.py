"""The rooms: their size, the direction of their arrows, no circles, and a diagram that is what the code is."""

from __future__ import annotations

import ast
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from static import architecture

ROOT = Path(__file__).resolve().parents[2]
MOST_MODULES, MOST_LINES = 14, 300
UP = {"evanyseg": 0, "EvanySegSlicerLib/scene": 1, "evanyseg_training": 1, "EvanySegSlicerLib/presenters": 2,
      "EvanySegSlicerLib/desktop": 3, "EvanySegSlicerLib/web": 3, "EvanySegSlicerLib/demo": 3}  # fmt: skip
"""Imports go down only; layers of one height know nothing of each other."""


def test_the_diagram_is_that_of_the_code() -> None:
    page = architecture.PAGE.read_text(encoding="utf-8")
    assert architecture.filled(page) == page, "run: python Testing/static/architecture.py"


def test_arrows_between_layers_go_one_way() -> None:
    wrong = {(a, b): n for (a, b), n in architecture.arrows().items() if a in UP and b in UP and not UP[a] > UP[b]}
    assert not wrong


def test_no_module_is_in_an_import_circle() -> None:
    known = architecture.modules()
    # a package's __init__ that gathers its own modules is no circle by itself: what it imports must not import it back
    tree = {name: architecture.imported(name, path, known) for name, path in known.items()}
    try:
        TopologicalSorter(tree).prepare()
    except CycleError as circle:
        pytest.fail(" -> ".join(circle.args[1]))


def test_folders_and_files_stay_small() -> None:
    modules = [p for p in architecture.modules().values() if p.name != "__init__.py"]
    crowded = {
        f.relative_to(ROOT).as_posix(): n for f, n in Counter(p.parent for p in modules).items() if n > MOST_MODULES
    }
    assert not crowded
    long = {
        p.relative_to(ROOT).as_posix(): n
        for p in modules
        if (n := len(p.read_text(encoding="utf-8").splitlines())) > MOST_LINES
    }
    assert not long


@pytest.mark.parametrize("layer", ["scene", "presenters", "desktop"])
def test_scene_presenters_and_desktop_are_typed_without_any(layer: str) -> None:
    """VTK and MRML classes in signatures, not `Any`; mypy's `disallow_untyped_defs` sees to it that they have types."""
    files = sorted((ROOT / "EvanySegSlicer/EvanySegSlicerLib" / layer).rglob("*.py"))
    assert files
    loose = {
        f"{path.name}:{node.lineno}"
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for part in (
            [a.annotation for a in ast.walk(node.args) if isinstance(a, ast.arg)] + [node.returns]
            if isinstance(node, ast.FunctionDef)
            else [node.annotation]
            if isinstance(node, ast.AnnAssign)
            else []
        )
        if isinstance(part, ast.Name) and part.id == "Any"
    }
    assert not loose
