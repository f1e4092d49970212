"""CMake's lists equal the tree, proven by an install from the lists into an empty folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from static import cmake_lists


def test_the_lists_equal_the_tree() -> None:
    fix = "run: python Testing/static/cmake_lists.py"
    for listed, shipped in zip(cmake_lists.listed(), cmake_lists.shipped(), strict=True):
        assert listed == shipped, fix


def test_an_install_from_the_lists_imports_and_has_its_data(tmp_path: Path) -> None:
    scripts, resources = cmake_lists.listed()
    for relative in (*scripts, *resources):
        target = tmp_path / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(cmake_lists.MODULE / relative, target)
    code = (
        "import evanyseg, evanyseg.models, evanyseg.pipeline.slice_pipeline;"
        "import EvanySegSlicerLib, EvanySegSlicerLib.scene;"
        "print(evanyseg.__file__); print(EvanySegSlicerLib.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert all(Path(line).is_relative_to(tmp_path) for line in done.stdout.splitlines())


def test_the_extension_has_the_metadata_that_the_index_asks_for() -> None:
    text = (cmake_lists.ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    for field in ("HOMEPAGE", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS", "DEPENDS"):
        assert re.search(rf'^set\(EXTENSION_{field} "[^"\n]+"\)$', text, re.M), f"EXTENSION_{field}: one quoted line"
    assert "project(EvanySegSlicer)" in text
