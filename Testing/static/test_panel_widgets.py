"""The controls that the tabs are typed with, and those that the README lists, are those of the .ui file."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "EvanySegSlicer"
UI = MODULE / "Resources/UI/EvanySegSlicer.ui"
PRESSED = ("QPushButton", "QToolButton", "QCheckBox")


def test_the_protocol_lists_the_widgets_of_the_ui_file() -> None:
    root = ElementTree.parse(UI).getroot()
    named = {w.get("name", ""): w.get("class", "") for w in root.iter("widget")}
    in_file = {name: kind for name, kind in named.items() if not re.fullmatch(r"label\d+|EvanySegSlicer", name)}
    tree = ast.parse((MODULE / "EvanySegSlicerLib/desktop/widgets.py").read_text(encoding="utf-8"))
    (protocol,) = (node for node in tree.body if isinstance(node, ast.ClassDef))
    typed = {
        line.target.id: ast.unparse(line.annotation).split(".")[-1]
        for line in protocol.body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
    }
    assert typed == in_file


def controls() -> dict[str, str]:
    """What a user reads on the panel -> the key said there: texts of buttons and check boxes, labels of selectors."""
    found = {}
    for widget in ElementTree.parse(UI).getroot().iter("widget"):
        own = {p.get("name"): "".join(p.itertext()).strip() for p in widget.findall("property")}
        text, kind = own.get("text", ""), widget.get("class", "")
        if not text or not (
            kind in PRESSED or (kind == "QLabel" and re.fullmatch(r"label\d+", widget.get("name", "")))
        ):
            continue
        name, key = re.fullmatch(r"(.+?):?(?: \(([A-Z])\))?:?", text).groups()  # type: ignore[union-attr]
        said = re.search(r"Shortcut: ([A-Za-z+-]+)\.", own.get("toolTip", ""))
        found[name] = key or (said.group(1) if said else found.get(name, ""))
    return found


def listed() -> list[tuple[list[str], str]]:
    """Rows of the README's table: names of controls in bold, and the column of keys."""
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    section = page.split("## Each control\n")[1].split("\n## ")[0]
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("| ")]
    return [(re.findall(r"\*\*(.+?)\*\*", row[1]), row[3]) for row in rows[1:]]


def test_the_readme_lists_each_control_of_the_panel_and_no_other() -> None:
    on_panel = controls()
    assert len(on_panel) > 50
    assert {name for names, _ in listed() for name in names} == set(on_panel)


def test_the_readme_tells_the_keys_that_the_panel_tells() -> None:
    keys = controls()
    for names, column in listed():
        told = [key for key in column.split(", ") if key not in ("", "Esc")]
        assert told == [keys[name] for name in names if keys[name]], names


def test_the_keys_on_the_panel_are_those_that_are_bound() -> None:
    tree = ast.parse((MODULE / "EvanySegSlicerLib/desktop/shortcuts.py").read_text(encoding="utf-8"))
    (bound,) = (
        ast.literal_eval(n.value)
        for n in tree.body
        if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "KEYS"
    )
    assert set(bound.values()) == set(filter(None, controls().values()))
