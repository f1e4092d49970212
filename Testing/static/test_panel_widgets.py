"""The widgets that the desktop's tabs are typed with are those of the .ui file, by name and class."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from xml.etree import ElementTree

MODULE = Path(__file__).resolve().parents[2] / "EvanySegSlicer"


def test_the_protocol_lists_the_widgets_of_the_ui_file() -> None:
    root = ElementTree.parse(MODULE / "Resources/UI/EvanySegSlicer.ui").getroot()
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
