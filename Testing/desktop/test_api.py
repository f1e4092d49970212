"""The desktop layer uses only what API.md lists; with a Slicer source tree, the places it names are looked up."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import pytest

from desktop import api_list


def test_every_name_the_desktop_layer_uses_is_listed():
    missing = sorted(set(api_list.used()) - api_list.listed())
    assert missing == [], "run Testing/desktop/api_list.py --write with SLICER_SOURCE_DIR set, and look at what is new"


def test_an_unlisted_name_would_be_noticed(monkeypatch, tmp_path):
    file = tmp_path / "made.py"
    file.write_text("import qt\nqt.QLabel('x').setBrandNewThing(1)\nqt.QNovelty()\n")
    monkeypatch.setattr(api_list, "sources", lambda: [file])
    missing = set(api_list.used()) - api_list.listed()
    assert missing == {".setBrandNewThing", "qt.QNovelty"}


def test_no_item_model_is_subclassed_in_python():
    for path in api_list.sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases = [ast.unparse(base) for base in node.bases]
                assert not any(base.startswith("qt.") for base in bases), (path.name, node.name)


def _calls(text):
    """(call, the dotted name of what is called) in a file's text."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            yield node, api_list._chain(node.func)


def mistakes(text):
    """What PythonQt refuses or gets wrong and running code would only show where a test comes by."""
    found = []
    for call, name in _calls(text):
        if name.split(".")[0] in ("qt", "ctk") and call.keywords:
            found.append(f"{name}: keyword arguments")
        inner = call.func.value if isinstance(call.func, ast.Attribute) else None
        if isinstance(inner, ast.Call) and re.fullmatch(r"qt\.Q\w+", api_list._chain(inner.func)):
            # a method that answers nothing is safe
            if call.func.attr.startswith("set"):
                continue
            found.append(f"{api_list._chain(inner.func)}(...).{call.func.attr}: a temporary, whose answers may dangle")
        if name.endswith(".setModel") and isinstance(call.args[0], ast.Call):
            found.append(f"{name}: a model that nobody holds")
    return found


def test_nothing_is_written_that_pythonqt_does_not_take():
    for path in api_list.sources():
        assert mistakes(path.read_text(encoding="utf-8")) == [], path.name


def test_each_of_these_mistakes_would_be_noticed():
    code = "qt.QLabel(text='x')\nc = qt.QBrush(qt.QColor(1, 2, 3)).color()\nview.setModel(qt.QStandardItemModel())\n"
    assert [text.split(": ")[1][:9] for text in mistakes(code)] == ["keyword a", "a tempora", "a model t"]
    assert mistakes("label = qt.QLabel('x')\nlabel.setText('y')\nview.setModel(self._model)\nf(a=1)\n") == []


def test_nothing_that_qt_6_dropped_is_used():
    for path in api_list.sources():
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"QTextCodec|QRegExp\b|event\.[xy]\(\)|QDesktopWidget|\bimport imp\b", text), path.name


def test_places_in_slicers_sources_exist():
    source = os.environ.get("SLICER_SOURCE_DIR")
    if not source:
        pytest.skip("needs SLICER_SOURCE_DIR")
    row = re.compile(r"^\| `([^`]+)` \| (\S+\.(?:py|md|cxx|h)):(\d+)( \(C\+\+\))? \|", re.MULTILINE)
    rows = row.findall(api_list.API.read_text(encoding="utf-8"))
    assert len(rows) > 190
    for name, path, line, cpp in rows:
        text = (Path(source) / path).read_text(errors="replace").splitlines()[int(line) - 1]
        pattern = api_list._in_cpp(name) if cpp else api_list._pattern(name)
        assert pattern.search(text), (name, path, line)
