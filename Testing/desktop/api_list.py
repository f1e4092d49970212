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
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "EvanySegSlicer"
API = Path(__file__).with_name("API.md")
ROW = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)
SIGNATURE = re.compile(r"^\w+\([\w\s*,:&]*\)$")
OURS = ("evanyseg", "EvanySegSlicerLib/scene", "EvanySegSlicerLib/presenters")
ELSEWHERE = {
    ".PyTorchUtilsLogic": "none: the PyTorch extension's logic, as the TotalSegmentator extension uses it",
    ".installTorch": "none: the PyTorch extension's logic, as the TotalSegmentator extension uses it",
}
_WORDS = "checked clear count currentIndex enabled index item name perSegment row start stop text title value"
ALSO_OURS = frozenset(f".{word}" for word in _WORDS.split())
"""Names of Qt members that are words of the project or of Python as well. Reading the code does not tell which is
meant: the stand-in writes down what the module really asks Qt objects for, and tests refuse what is not listed."""

PLAIN = (str, list, dict, set, tuple, int, float, Path, re.Pattern, ast.AST, Exception, property)


def sources() -> list[Path]:
    """The files that talk to desktop Slicer."""
    return [
        MODULE / "EvanySegSlicer.py",
        MODULE / "SegmentEditorEvanySegLib" / "SegmentEditorEffect.py",
        *sorted((MODULE / "EvanySegSlicerLib" / "desktop").rglob("*.py")),
    ]


def _chain(node: ast.AST) -> str:
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


class _NoProtocols(ast.NodeTransformer):
    """A protocol describes what somebody else defines, Slicer for example."""

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef | None:
        return None if any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases) else node


def own_names() -> set[str]:
    """Names that the project defines: functions, classes, attributes, fields, and the .ui file's widgets."""
    found = set(re.findall(r'name="(\w+)"', (MODULE / "Resources/UI/EvanySegSlicer.ui").read_text(encoding="utf-8")))
    files = [p for folder in OURS for p in (MODULE / folder).rglob("*.py")] + sources()
    for path in files:
        for node in ast.walk(_NoProtocols().visit(ast.parse(path.read_text(encoding="utf-8")))):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                found.add(node.name)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found.add(node.target.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                found.add(node.attr)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
    return found


class _NoAnnotations(ast.NodeTransformer):
    """Annotations are for readers and checkers; nothing evaluates them."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        node.annotation = ast.Constant(None)
        self.generic_visit(node)
        return node


def used() -> dict[str, list[str]]:
    """name -> files that use it. Names: 'qt.QTimer', '.setInterval', 'timeout()'."""
    own = own_names()
    plain = {name for kind in PLAIN for name in dir(kind)} | {
        "path",
        "environ",
        "start",
        "exists",
        "load",
        "dirname",
        "monotonic",
        "sum",
    }
    found: dict[str, set[str]] = {}
    for path in sources():
        for node in ast.walk(_NoAnnotations().visit(ast.parse(path.read_text(encoding="utf-8")))):
            names = []
            if isinstance(node, ast.Attribute):
                chain = _chain(node)
                root = chain.split(".")[0]
                if root in ("qt", "ctk", "vtk") or (root == "slicer" and chain.count(".") <= 2):
                    names.append(".".join(chain.split(".")[:3]))
                elif (
                    root not in ("np", "math", "os", "json", "ast", "re", "self", "sys", "importlib")
                    and node.attr not in own | plain
                ) or (root == "self" and node.attr not in own | plain):
                    names.append("." + node.attr)
                if "." + node.attr in ALSO_OURS:
                    names.append("." + node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and SIGNATURE.match(node.value):
                names.append(node.value)
            for name in names:
                found.setdefault(name, set()).add(path.name)
    # 'qt.Qt' goes without saying where 'qt.Qt.Checked' is used
    whole = {n for n in found if not any(o != n and o.startswith(n + ".") for o in found)}
    return {name: sorted(found[name]) for name in sorted(whole)}


def listed_members() -> set[str]:
    """'.setText' for every name that is listed, however it is reached ('slicer.app.layoutManager')."""
    return {"." + name.split("(")[0].rsplit(".", 1)[-1] for name in listed()}


def listed() -> set[str]:
    return set(ROW.findall(API.read_text(encoding="utf-8"))) if API.exists() else set()


def _pattern(name: str) -> re.Pattern[str]:
    if SIGNATURE.match(name):
        bare = name.split("(")[0]
        return re.compile(rf'["\']{re.escape(name)}["\']|\.{bare}\.connect\b')
    if name.startswith("slicer.util."):
        return re.compile(rf"\b{re.escape(name)}\b|^def {re.escape(name.split('.')[-1])}\b")
    return re.compile(re.escape(name.removeprefix("qt.") if name.count(".") > 1 else name) + r"\b")


def place(name: str, files: list[tuple[str, list[str]]], pattern: re.Pattern[str]) -> str:
    """'path:line' of the first use in the files; empty when there is none."""
    for path, lines in files:
        for number, line in enumerate(lines, 1):
            if pattern.search(line) and not line.lstrip().startswith(("#", "//", "*")):
                return f"{path}:{number}"
    return ""


def _in_cpp(name: str) -> re.Pattern[str]:
    bare = name.split("(")[0].split(".")[-1]
    return re.compile(rf"(?:->|::|\w\.){re.escape(bare)}\b")


def _texts(source: Path, folders: Sequence[str], *endings: str) -> list[tuple[str, list[str]]]:
    found = []
    for folder in folders:
        for path in sorted(p for p in (source / folder).rglob("*") if p.suffix in endings and p.is_file()):
            found.append((path.relative_to(source).as_posix(), path.read_text(errors="replace").splitlines()))
    return found


def places(source: Path) -> Callable[[str], str]:
    """Where Slicer uses a name: in a scripted module; else in its other Python or its script repository; else in C++,
    which shows that the class has it, not that Python was ever given it."""
    scripts = _texts(
        source, ("Modules/Scripted", "Modules/Loadable", "Base/Python/slicer", "Utilities/Templates"), ".py"
    )
    python = _texts(source, ("Base", "Applications", "Docs", "Modules"), ".py", ".md")
    cpp = _texts(source, ("Base", "Libs/MRML", "Modules/Loadable"), ".cxx", ".h")

    def of(name: str) -> str:
        for files, pattern, note in ((scripts, _pattern(name), ""), (python, _pattern(name), ""),
                                     (cpp, _in_cpp(name), " (C++)")):  # fmt: skip
            if found := place(name, files, pattern):
                return found + note
        return ELSEWHERE.get(name, "none found: see the note")

    return of


def write(source: Path) -> int:
    find = places(source)
    rows = [(name, find(name), ", ".join(where)) for name, where in used().items()]
    cpp = sum(found.endswith("(C++)") for _, found, _ in rows)
    without = sum(found.startswith("none") for _, found, _ in rows)
    text = (
        "# What the desktop layer uses of Qt, CTK, qMRML, MRML and VTK\n\n"
        "Made by `api_list.py --write` from the code and a Slicer source tree (5.13 line); a test refuses names that\n"
        "are not listed here. The second column is a place in Slicer's own scripts, tests or script repository that\n"
        "uses the name. Where it says C++, only Slicer's C++ uses it: a public member of the class, which PythonQt or\n"
        "VTK's wrapping gives to Python. Where it says none, it is a public member of the class (Qt 5.15, 6, VTK 9)\n"
        "that Slicer itself does not use. Neither kind has been run in desktop Slicer yet.\n\n"
        "| Name | Used so in Slicer | Used here in |\n|---|---|---|\n"
    )
    API.write_text(text + "".join(f"| `{n}` | {found} | {where} |\n" for n, found, where in rows), encoding="utf-8")
    print(f"{len(rows)} names, {cpp} with a place in C++ alone, {without} with none")
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
