"""A private dialect does not come back: words that the field has better ones for, in names and in what users read.

Where a word is also good English or good Python (look, own, real, figure), only the forms that were dialect are listed.
Names that stand in files or commands of earlier versions live in the modules of `FORMER` alone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("EvanySegSlicer", "training")
PAGES = ("README.md", "CONTRIBUTING.md", "docs/*.md", "training/README.md", "training/SCALE.md")
FORMER = ("training/evanyseg_training/data/former_names.py", "training/evanyseg_training/commands/aliases.py")
INSTEAD = {
    "hedge|hedges": "blend weight",
    "judge|judges|judged|judgement|judging": "score, assess",
    "rival|rivals": "comparison segmenter",
    "apart": "difference, distance, annotators",
    "strangeness|familiar|stranger|strangers": "OOD score, OOD detector",
    "warp|warped|bent": "elastic deformation",
    "transplant|transplanted": "texture augmentation",
    "repaint|repainted": "object intensity shift",
    "maker|makers": "source, method, factory",
    "rims|specks|pieces": "interpolation artefacts, small components, components",
    "ruler|goal|goals": "metric evaluator, target",
    "scalars": "auxiliary features",
    "abilities|route": "Capabilities, PreprocessSpec",
    "workbench|bench": "review controller",
    "hung": "radiological display convention",
    "recipe|recipes": "intensity preset",
    "pictures": "images",
}
PHRASES = (
    r"judg(?:e|es|ed|ing|ement)\b",
    r"\brivals?\b",
    r"\bhedg(?:e|es|ed|ing)\b",
    r"\brepainted\b",
    r"\btransplant(?:ed)?\b",
    r"\brecipes?\b",
    r"\bown (?:box|mode)\b",
    r"\blate inputs?\b",
    r"\breading ahead\b",
    r"\bfar from home\b",
)
ON_THE_PANEL = ("Where is it wrong?", "How much", "Score changed", "Keep the chosen", "First:", "stop if <")
"""Texts that the panel once had."""
ALLOWED = {"GetScalars", "SetScalars", "AllocateScalars", "scalars", "warpAffine", "_pieces"}
"""VTK's and OpenCV's names, and MetaImage's list of files of one volume; `scalars` is looked at by itself."""


BRITISH = r"colour|grey|centre|neighbour|normalis|recognis|labelled|licence|behaviour|quantis|artefact|metres?$"
"""In identifiers the code is American; `cancelled` is Python's own (asyncio.CancelledError)."""


def product_files() -> list[Path]:
    found = [p for top in PRODUCT for p in sorted((ROOT / top).rglob("*.py"))]
    return [p for p in found if p.relative_to(ROOT).as_posix() not in FORMER]


def names_of(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.Name):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute):
            yield node.attr, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno


def parts(name: str) -> set[str]:
    """The words of a snake_case or CamelCase name."""
    return {part.lower() for part in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)}


def dialect(name: str) -> str:
    """What to say instead of a word of `name`; '' when it has none of them."""
    if name in ALLOWED:
        return ""
    return next((say for words, say in INSTEAD.items() if parts(name) & set(words.split("|"))), "")


def test_what_counts_as_dialect() -> None:
    assert dialect("MissingJudge") == INSTEAD["judge|judges|judged|judgement|judging"]
    assert dialect("rival_masks")
    assert dialect("warped")
    assert not dialect("arrival")
    assert not dialect("warpAffine")
    assert not dialect("benchmark")


def test_names_of_the_code() -> None:
    wrong = []
    for path in product_files():
        place, text = path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        named = [(path.stem, 0), (path.parent.name, 0), *names_of(ast.parse(text))]
        # `scalars` is VTK's word for voxels where VTK is at work, and nowhere else
        vtk = "GetScalars" in text
        for name, line in named:
            if (say := dialect(name)) or (name == "scalars" and not vtk):
                wrong.append(f"{place}:{line} {name}: {say or INSTEAD['scalars']}")
    assert not wrong


def test_identifiers_are_spelled_as_the_libraries_spell_theirs() -> None:
    assert re.search(BRITISH, "colour_of")
    assert not re.search(BRITISH, "color_parameter")
    wrong = [
        f"{path.relative_to(ROOT).as_posix()}:{line} {name}"
        for path in product_files()
        for name, line in [(path.stem, 0), *names_of(ast.parse(path.read_text(encoding="utf-8")))]
        if re.search(BRITISH, name.lower())
    ]
    assert not wrong


@pytest.mark.parametrize("phrase", PHRASES)
def test_what_users_and_readers_of_the_code_read(phrase: str) -> None:
    """Strings (help, messages, docstrings), the panel's texts, the report and the pages."""
    found, sought = [], re.compile(phrase, re.IGNORECASE)
    for path in product_files():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        former = {id(v) for n in ast.walk(tree) if "FORMER" in ast.unparse(getattr(n, "targets", [ast.Name("")])[0])
                  for v in ast.walk(n)}  # fmt: skip
        strings = [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        found += [f"{path.name}:{n.lineno}" for n in strings if id(n) not in former and sought.search(n.value)]
    ui = ElementTree.parse(ROOT / "EvanySegSlicer/Resources/UI/EvanySegSlicer.ui").getroot()
    found += [s.text for s in ui.iter("string") if s.text and (sought.search(s.text) or s.text in ON_THE_PANEL)]
    pages = [ROOT / "EvanySegSlicer/evanyseg/report/page.html", *(p for name in PAGES for p in sorted(ROOT.glob(name)))]
    for page in pages:
        lines = enumerate(page.read_text(encoding="utf-8").splitlines(), 1)
        found += [f"{page.name}:{n}" for n, line in lines if sought.search(line)]
    assert not found
