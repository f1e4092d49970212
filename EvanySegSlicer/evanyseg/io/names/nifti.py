"""Names inside of a NIfTI file: TotalSegmentator and Connectome Workbench put a label table into its header extension.

Format: NIfTI-1 header extensions (nifti1.h): from byte 348 a flag of 4 bytes, then sections (size, code, content); the
content here is Caret's XML with <LabelTable><Label Key="1" Red="0.9" ...>liver</Label>.
"""

from __future__ import annotations

import struct
from pathlib import Path
from xml.etree import ElementTree

from ..formats.nifti_header import GZIP, read_header
from ..formats.streams import unpacked_head
from .entries import LabelName, LabelNames

_START = 348
_LARGEST = 1 << 20


def names_in_nifti(path: Path) -> LabelNames | None:
    """The label table of a readable NIfTI file; None when it has none, or one that cannot be understood."""
    header = read_header(path)
    if header.voxels != path or not _START + 12 <= header.offset <= _LARGEST:
        return None
    with path.open("rb") as file:
        head = file.read(header.offset)
    if head.startswith(GZIP):
        head = unpacked_head(path, header.offset)
    if head[_START : _START + 1] == b"\0":
        return None
    at = _START + 4
    while at + 8 <= len(head):
        size = struct.unpack_from(header.order + "i", head, at)[0]
        if size < 8:
            return None
        entries = _entries(head[at + 8 : at + size])
        if entries:
            return LabelNames(tuple(entries), "the label table in the file itself")
        at += size
    return None


def _entries(content: bytes) -> list[LabelName]:
    if b"<LabelTable" not in content:
        return []
    try:
        tree = ElementTree.fromstring(content.rstrip(b"\0 \r\n\t"))
        found = []
        for label in tree.iter("Label"):
            value = int(label.attrib["Key"])
            color = tuple(float(label.attrib.get(c, "nan")) for c in ("Red", "Green", "Blue"))
            usable = all(0 <= c <= 1 for c in color)
            if value > 0 and label.text:
                found.append(LabelName(label.text.strip(), (value,), color if usable else None))  # type: ignore[arg-type]
        return found
    except (ElementTree.ParseError, KeyError, ValueError):
        return []
