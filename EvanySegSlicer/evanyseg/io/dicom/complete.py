"""Is a DICOM file whole? pydicom reads a file that was cut in the middle of a sequence as one with fewer items.

The elements are walked by their lengths alone (DICOM PS3.5 chapter 7); nothing is decoded.
"""

from __future__ import annotations

import struct
from typing import Any

_LONG = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
"""Value representations with a four-byte length after two reserved bytes."""

_OPEN = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD


def is_whole(data: bytes, syntax: Any) -> bool:
    """Whether the elements of a file (its bytes, from the preamble on) end where the file ends.

    `syntax`: its transfer syntax (pydicom's UID). Big-endian and deflated files, and those without a preamble, are not
    walked: True.
    """
    if data[128:132] != b"DICM" or not syntax.is_little_endian or syntax.is_deflated:
        return True
    try:
        group_length = struct.unpack_from("<I", data, 140)[0]  # (0002,0000), always the first, always explicit
        end = _walk(data, 144 + group_length, not syntax.is_implicit_VR, nested=False)
    except struct.error:
        return False
    return end == len(data)


def _walk(data: bytes, at: int, explicit: bool, nested: bool) -> int:
    """Where the elements from `at` on end: at the file's end, or after the delimiter of the item that they fill."""
    while at < len(data):
        start = at
        tag, at, length = _header(data, at, explicit)
        if tag == 0 and not nested and not data[start:].strip(b"\0"):
            return len(data)  # some writers pad the file
        if tag == _ITEM_END and nested:
            return at
        at = _items(data, at, explicit) if length == _OPEN else at + length
    return at


def _items(data: bytes, at: int, explicit: bool) -> int:
    """The end of a sequence of open length, or of encapsulated pixels: items up to the delimiter."""
    while True:
        group, element, length = struct.unpack_from("<HHI", data, at)
        tag, at = group << 16 | element, at + 8
        if tag == _SEQUENCE_END:
            return at
        if tag != _ITEM:
            raise struct.error("no item where one must be")
        at = _walk(data, at, explicit, nested=True) if length == _OPEN else at + length


def _header(data: bytes, at: int, explicit: bool) -> tuple[int, int, int]:
    """(tag, where the value begins, its length)."""
    group, element = struct.unpack_from("<HH", data, at)
    tag = group << 16 | element
    if not explicit or group == 0xFFFE:
        return tag, at + 8, struct.unpack_from("<I", data, at + 4)[0]
    if data[at + 4 : at + 6] in _LONG:
        return tag, at + 12, struct.unpack_from("<I", data, at + 8)[0]
    return tag, at + 8, struct.unpack_from("<H", data, at + 6)[0]
