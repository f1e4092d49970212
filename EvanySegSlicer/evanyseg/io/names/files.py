"""Files that name label values: nnU-Net's dataset.json, ITK-SNAP's label descriptions, Slicer's colour tables, CSV."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ...errors import ImageError
from ..tables import open_table
from .entries import LabelName, LabelNames

_SNAP = re.compile(r"^\s*(\d+)((?:\s+[\d.]+){6})\s+\"(.*)\"\s*$")
_CTBL = re.compile(r"^\s*(\d+)\s+(\S+)((?:\s+\d+){3,4})\s*$")
_VALUE, _NAME = ("value", "label", "label_value", "index", "id", "key"), ("name", "segment", "structure", "class")
_LARGEST = 10_000_000


def read_names(path: Path) -> LabelNames:
    """Names from a file, whose kind is known by its content. Raises ImageError when nothing can be made of it."""
    try:
        raw = path.read_bytes()[:_LARGEST]
    except OSError as error:
        raise ImageError(f"The names {path} cannot be read ({error.strerror or error}).") from error
    text = raw.decode("utf-8-sig", "replace")
    entries: list[LabelName] = []
    if text.lstrip().startswith("{"):
        try:
            entries = entries_of_json(json.loads(text))
        except ValueError as error:
            raise ImageError(f"{path.name} is not valid JSON ({error}).") from error
    else:
        lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        entries = _snap(lines) or _ctbl(lines) or _table(path)
    if not entries:
        raise ImageError(
            f"{path.name} names no labels. Known are nnU-Net's dataset.json, ITK-SNAP's label descriptions, Slicer's "
            'colour tables (.ctbl), JSON such as {"1": "liver"}, and tables with the columns value and name.'
        )
    return LabelNames(tuple(e for e in entries if any(e.values)), path.name)


def entries_of_json(document: Any) -> list[LabelName]:
    """nnU-Net's `labels` (name to value, value to name in its first version, name to values for regions), or such a
    mapping itself."""
    labels = document.get("labels", document) if isinstance(document, dict) else None
    if not isinstance(labels, dict):
        return []
    found = []
    for key, value in labels.items():
        numbers = value if isinstance(value, list) else [value]
        if numbers and all(isinstance(v, int) and not isinstance(v, bool) and v >= 0 for v in numbers):
            found.append(LabelName(str(key), tuple(numbers)))
        elif isinstance(value, str) and key.strip().isdecimal():
            found.append(LabelName(value, (int(key),)))
        elif isinstance(value, str) and value.strip().isdecimal():
            found.append(LabelName(str(key), (int(value),)))
    return found


def _snap(lines: list[str]) -> list[LabelName]:
    """`IDX R G B A VISIBLE MESH "LABEL"`, in ITK-SNAP's label description files."""
    matches = [_SNAP.match(line) for line in lines]
    if not all(matches):
        return []
    return [LabelName(m[3], (int(m[1]),), _color(m[2])) for m in matches if m]


def _ctbl(lines: list[str]) -> list[LabelName]:
    """`VALUE NAME R G B A`, in Slicer's colour tables and FreeSurfer's look-up tables (blanks in names are _)."""
    matches = [_CTBL.match(line) for line in lines]
    if not all(matches):
        return []
    return [LabelName(m[2].replace("_", " "), (int(m[1]),), _color(m[3])) for m in matches if m]


def _table(path: Path) -> list[LabelName]:
    """A table with a column of values and one of names. Raises ImageError for a value that is none."""
    table = open_table(path)
    columns = {c.casefold(): c for c in table.columns}
    value = next((columns[c] for c in _VALUE if c in columns), None)
    name = next((columns[c] for c in _NAME if c in columns), None)
    if value is None or name is None:
        return []
    found = []
    for row in table.rows():
        text = row[value].strip()
        if not text.isdecimal():
            raise ImageError(f"{path.name} has '{text}' in the column {value}; write whole numbers there.")
        found.append(LabelName(row[name].strip(), (int(text),)))
    return found


def _color(text: str) -> tuple[float, float, float]:
    red, green, blue = (min(float(v), 255.0) / 255 for v in text.split()[:3])
    return red, green, blue
