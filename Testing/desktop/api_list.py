"""Which Qt, CTK, qMRML, MRML and VTK names the desktop layer uses, and where Slicer's own scripts use them so.

    python Testing/desktop/api_list.py            what the code uses and API.md does not list
    SLICER_SOURCE_DIR=... python Testing/desktop/api_list.py --write     makes API.md, with places in Slicer's sources

PythonQt offers what C++ offers, but not always as PySide does; a name that Slicer's own scripts use is known to work.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "EvanySegSlicer"
API = Path(__file__).with_name("API.md")
ROW = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)
SIGNATURE = re.compile(r"^\w+\([\w\s*,:&]*\)$")
OURS = ("evanyseg", "EvanySegSlicerLib/scene")
PLAIN = (str, list, dict, set, tuple, int, float, Path, re.Pattern, ast.AST, Exception, property)


def sources() -> list[Path]:
    """The files that talk to desktop Slicer."""
    return [
        MODULE / "EvanySegSlicer.py",
        MODULE / "SegmentEditorEvanySegLib" / "SegmentEditorEffect.py",
        *sorted((MODULE / "EvanySegSlicerLib" / "desktop").glob("*.py")),
    ]


def _chain(node: ast.AST) -> str:
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def own_names() -> set[str]:
    """Names that the project defines: functions, classes, attributes, fields, and the .ui file's widgets."""
    found = set(re.findall(r'name="(\w+)"', (MODULE / "Resources/UI/EvanySegSlicer.ui").read_text(encoding="utf-8")))
    files = [p for folder in OURS for p in (MODULE / folder).rglob("*.py")] + sources()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                found.add(node.name)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found.add(node.target.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                found.add(node.attr)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
    return found


def used() -> dict[str, list[str]]:
    """name -> files that use it. Names: 'qt.QTimer', '.setInterval', 'timeout()'."""
    own = own_names()
    plain = {name for kind in PLAIN for name in dir(kind)} | {"path", "environ", "start", "exists", "load", "dirname"}
    found: dict[str, set[str]] = {}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Attribute):
                chain = _chain(node)
                root = chain.split(".")[0]
                if root in ("qt", "ctk", "vtk") or (root == "slicer" and chain.count(".") <= 2):
                    names.append(".".join(chain.split(".")[:3]))
                elif (
                    root not in ("np", "math", "os", "json", "ast", "re", "self", "sys")
                    and node.attr not in own | plain
                ) or (root == "self" and node.attr not in own | plain):
                    names.append("." + node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and SIGNATURE.match(node.value):
                names.append(node.value)
            for name in names:
                found.setdefault(name, set()).add(path.name)
    # 'qt.Qt' goes without saying where 'qt.Qt.Checked' is used
    whole = {n for n in found if not any(o != n and o.startswith(n + ".") for o in found)}
    return {name: sorted(found[name]) for name in sorted(whole)}


def listed() -> set[str]:
    return set(ROW.findall(API.read_text(encoding="utf-8"))) if API.exists() else set()


def _pattern(name: str) -> re.Pattern[str]:
    if SIGNATURE.match(name):
        bare = name.split("(")[0]
        return re.compile(rf'["\']{re.escape(name)}["\']|\.{bare}\.connect\b')
    return re.compile(re.escape(name.removeprefix("qt.") if name.count(".") > 1 else name) + r"\b")


def place(name: str, files: list[tuple[str, list[str]]]) -> str:
    """'path:line' of the first use in Slicer's scripts; empty when there is none."""
    pattern = _pattern(name)
    for path, lines in files:
        for number, line in enumerate(lines, 1):
            if pattern.search(line) and not line.lstrip().startswith("#"):
                return f"{path}:{number}"
    return ""


def slicer_scripts(source: Path) -> list[tuple[str, list[str]]]:
    found = []
    for folder in ("Modules/Scripted", "Modules/Loadable", "Base/Python/slicer", "Utilities/Templates"):
        for path in sorted((source / folder).rglob("*.py")):
            found.append((path.relative_to(source).as_posix(), path.read_text(errors="replace").splitlines()))
    return found


def write(source: Path) -> int:
    files = slicer_scripts(source)
    rows, without = [], 0
    for name, where in used().items():
        found = place(name, files)
        without += not found
        rows.append(f"| `{name}` | {found or 'none found: see the note'} | {', '.join(where)} |")
    text = (
        "# What the desktop layer uses of Qt, CTK, qMRML, MRML and VTK\n\n"
        "Made by `api_list.py --write` from the code and a Slicer source tree (5.13 line); a test refuses names that\n"
        "are not listed here. The second column is a place in Slicer's own scripts that uses the name. Where it says\n"
        "none, the name is a public member of the C++ class (Qt 5.15 and 6, VTK 9, Slicer 5.10) that PythonQt or\n"
        "VTK's wrapping gives to Python, but nobody has run this line in desktop Slicer yet.\n\n"
        "| Name | Used so in Slicer | Used here in |\n|---|---|---|\n"
    )
    API.write_text(text + "\n".join(rows) + "\n", encoding="utf-8")
    print(f"{len(rows)} names, {without} without a place in Slicer's scripts")
    return 0


def main() -> int:
    if "--write" in sys.argv:
        source = os.environ.get("SLICER_SOURCE_DIR")
        if not source:
            print("Set SLICER_SOURCE_DIR to a Slicer source tree.", file=sys.stderr)
            return 2
        return write(Path(source))
    missing = sorted(set(used()) - listed())
    print("\n".join(missing) or "All listed.")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
