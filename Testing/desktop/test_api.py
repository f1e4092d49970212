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
