"""What a fresh interpreter pays for: importing the engine, its command line and the Lib loads nothing heavy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = Path(__file__).resolve().parents[2] / "EvanySegSlicer"
HEAVY = (
    "torch",
    "torchvision",
    "timm",
    "segment_anything",
    "typer",
    "rich",
    "monai",
    "lightning",
    "transformers",
    "pydicom",
    "highdicom",
)


def fresh(code: str) -> dict:
    """Run `code` in a new interpreter on the module's folder; it prints one JSON object."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(MODULE), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


ENGINE = ["evanyseg", "evanyseg.cli", "evanyseg.models", "evanyseg.pipeline.slice_pipeline"]
LIB = ["EvanySegSlicerLib", "EvanySegSlicerLib.scene", "EvanySegSlicerLib.desktop"]


@pytest.mark.parametrize("module", ENGINE + LIB)
def test_importing_loads_nothing_heavy(module: str) -> None:
    found = fresh(f"import sys, json, {module}; print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))")
    assert found == []


def test_every_scene_module_imports_without_anything_heavy() -> None:
    files = [p for part in ("scene", "presenters") for p in (MODULE / "EvanySegSlicerLib" / part).rglob("*.py")]
    names = sorted(".".join(p.relative_to(MODULE).with_suffix("").parts) for p in files if p.name != "__init__.py")
    assert names
    code = (
        f"import sys, json, importlib\nfor n in {names!r}: importlib.import_module(n)\n"
        f"print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    )
    assert fresh(code) == []


def test_import_evanyseg_costs_next_to_nothing() -> None:
    """How long it takes is measured by `dev.py bench import`; here it is seen why: hardly anything is imported."""
    found = fresh("import sys, json; a = set(sys.modules); import evanyseg; print(json.dumps([*set(sys.modules) - a]))")
    assert "numpy" not in found
    assert len(found) < 30, found
