"""The diagram of docs/architecture.md, made from the imports: `python Testing/static/architecture.py` writes it."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "architecture.md"
PACKAGES = {
    "evanyseg": ROOT / "EvanySegSlicer" / "evanyseg",
    "EvanySegSlicerLib": ROOT / "EvanySegSlicer" / "EvanySegSlicerLib",
    "evanyseg_training": ROOT / "training" / "evanyseg_training",
}
START, END = "<!-- made by Testing/static/architecture.py -->\n", "\n<!-- end -->"
LAYERS = ("evanyseg", "EvanySegSlicerLib/scene", "EvanySegSlicerLib/presenters", "EvanySegSlicerLib/desktop",
          "EvanySegSlicerLib/web", "EvanySegSlicerLib/demo", "evanyseg_training")  # fmt: skip


def modules() -> dict[str, Path]:
    """Dotted names of every module of the product, with their files."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in folder.rglob("*.py"):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(name: str, path: Path, known: dict[str, Path]) -> set[str]:
    """The modules of the product that a file imports when it runs, wherever in the file, relative ones resolved; what
    only a type checker reads is left out."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            full = [f"{module}.{alias.name}" for alias in node.names]
            found.update(f if f in known else module for f in full)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text(encoding="utf-8")))
    return {n for n in found if n in known and n != name}


def room(name: str) -> str:
    """The folder that the diagram shows a module in: 'evanyseg/quality', 'EvanySegSlicerLib/scene/table'."""
    parts = name.split(".")
    depth = 3 if parts[0] == "EvanySegSlicerLib" and len(parts) > 2 and parts[1] == "scene" else 2
    return "/".join(parts[:depth])


def layer(name: str) -> str:
    parts = name.split(".")
    return "/".join(parts[:2]) if parts[0] == "EvanySegSlicerLib" else parts[0]


def arrows() -> Counter[tuple[str, str]]:
    """(importing layer or room, imported one) -> how many imports; layers that are drawn as one are seen from afar."""
    known = modules()
    found: Counter[tuple[str, str]] = Counter()
    for name, path in known.items():
        for other in imported(name, path, known):
            found[layer(name), layer(other)] += layer(name) != layer(other)
    return +found


def inside(package: str) -> set[tuple[str, str]]:
    """Arrows between the rooms of one package."""
    known = modules()
    folders = {room(n) for n, p in known.items() if n.startswith(package + ".") and p.name == "__init__.py"}
    found = set()
    for name, path in known.items():
        if name.startswith(package + "."):
            for other in imported(name, path, known):
                a, b = room(name), room(other)
                if a != b and {a, b} <= folders:
                    found.add((a, b))
    return found


def graph(edges: set[tuple[str, str]], cut: str = "") -> str:
    names = sorted({n for edge in edges for n in edge})
    ids = {n: f"n{i}" for i, n in enumerate(names)}
    lines = [f'  {ids[n]}["{n.removeprefix(cut)}"]' for n in names]
    lines += [f"  {ids[a]} --> {ids[b]}" for a, b in sorted(edges)]
    return "\n".join(["```mermaid", "flowchart TD", *lines, "```"])


def diagram() -> str:
    whole = {edge for edge in arrows() if set(edge) <= set(LAYERS)}
    return "\n\n".join(
        (
            "The layers; an arrow means *imports*:",
            graph(whole),
            "The engine's rooms:",
            graph(inside("evanyseg"), "evanyseg/"),
            "The scene layer's rooms:",
            graph(inside("EvanySegSlicerLib.scene"), "EvanySegSlicerLib/scene/"),
            "The stages of training:",
            graph(inside("evanyseg_training"), "evanyseg_training/"),
        )
    )


def filled(page: str) -> str:
    """The page with the diagram between its marks made anew."""
    before, _, rest = page.partition(START)
    return before + START + diagram() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
