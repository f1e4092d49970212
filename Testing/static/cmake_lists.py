"""CMake's file lists and the tree: Slicer silently does not ship a file that is not listed.

`python Testing/static/cmake_lists.py` rewrites the lists in EvanySegSlicer/CMakeLists.txt from the tree.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "EvanySegSlicer"
LISTS = MODULE / "CMakeLists.txt"
LEFT_OUT = {"__pycache__", "Testing", "web"}
"""Folders that Slicer does not get; `EvanySegSlicerLib/web` needs trame, and Slicer never imports it."""


def shipped() -> tuple[list[str], list[str]]:
    """(scripts, resources) of the tree, relative to the module's folder, sorted."""
    files = sorted(
        p.relative_to(MODULE).as_posix()
        for p in MODULE.rglob("*")
        if p.is_file() and p != LISTS and not LEFT_OUT & set(p.relative_to(MODULE).parts) and not p.name.startswith(".")
    )
    return [f for f in files if f.endswith(".py")], [f for f in files if not f.endswith(".py")]


def listed() -> tuple[list[str], list[str]]:
    """(scripts, resources) that CMake installs, as written in the lists."""
    text = LISTS.read_text(encoding="utf-8")
    found = []
    for name in ("MODULE_PYTHON_SCRIPTS", "MODULE_PYTHON_RESOURCES"):
        match = re.search(rf"set\({name}\n(.*?)\n\s*\)", text, re.S)
        if match is None:
            raise ValueError(f"{LISTS} has no list {name}")
        found.append([line.strip() for line in match[1].splitlines() if line.strip()])
    return found[0], found[1]


def rewrite() -> None:
    text = LISTS.read_text(encoding="utf-8")
    for name, files in zip(("MODULE_PYTHON_SCRIPTS", "MODULE_PYTHON_RESOURCES"), shipped(), strict=True):
        body = "".join(f"  {f}\n" for f in files)
        text = re.sub(rf"set\({name}\n.*?\n?\s*\)", f"set({name}\n{body}  )", text, count=1, flags=re.S)
    LISTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    rewrite()
    print(f"{sum(map(len, shipped()))} files listed in {LISTS.relative_to(ROOT)}")
