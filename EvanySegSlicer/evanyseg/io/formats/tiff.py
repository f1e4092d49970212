"""What a TIFF header says and Pillow leaves out: number formats, which end of the values is white, and, for files that
nobody can read, what a pixel is made of."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ImageError

_BITS, _WHITE_OR_BLACK, _SAMPLES_PER_PIXEL, _EXTRA, _FORMAT = 258, 262, 277, 338, 339
_DESCRIPTION, _SOFTWARE = 270, 305
_FORMATS = {1: "unsigned integers", 2: "signed integers", 3: "floats", 5: "complex integers", 6: "complex numbers"}

_STORED_COUNTS = {"ImageJ=": "ImageJ", "tifffile.py": "tifffile"}
"""Programs whose masks are what they store, whichever end of the values a viewer shows as white: ImageJ's inverting
table and tifffile's single bits."""


def channels_of_tiff(path: Path) -> int | None:
    """Samples per pixel of the first page; None for what is no TIFF."""
    found = _numbers_of(path, (_SAMPLES_PER_PIXEL,))
    return None if found is None else found.get(_SAMPLES_PER_PIXEL, 1)


def made_of(path: Path) -> str:
    """What the pixels of a TIFF are, in words such as '2 channels of 64-bit floats'; empty for what is no TIFF."""
    found = _numbers_of(path, (_SAMPLES_PER_PIXEL, _BITS, _FORMAT))
    if found is None:
        return ""
    channels, what = found.get(_SAMPLES_PER_PIXEL, 1), _FORMATS.get(found.get(_FORMAT, 1), "numbers of unknown kind")
    return f"{channels} channel{'s' * (channels > 1)} of {found.get(_BITS, 1)}-bit {what}"


def as_stored(pixels: np.ndarray, mode: str, tags: Mapping[int, Any], name: str) -> np.ndarray:
    """Grey pixels that Pillow read in mode 'L', 'I' or 'I;16', with the sign that the file gives them, and turned
    where it stores white as zero (Pillow turns 8 bits only).

    Raises ImageError for a second channel that Pillow drops, and for turned values without an end.
    """
    samples = int(tags.get(_SAMPLES_PER_PIXEL, 1))
    if samples > 1 and mode in ("L", "I", "I;16", "F"):
        raise ImageError(f"{name} has {samples} channels per pixel, which are no colours; save one of them as grey.")
    bits, signed = max(_several(tags.get(_BITS, 1))), _several(tags.get(_FORMAT, 1))[0] == 2
    if bits == 8 and signed:
        return pixels.view(np.int8)
    if bits == 32 and mode == "I" and not signed:
        return pixels.view(np.uint32)
    if not white_is_zero(tags) or bits <= 8:
        return pixels
    if pixels.dtype.kind != "u":
        raise ImageError(f"{name} stores white as its lowest value, without saying what black is; save it as PNG.")
    return (2**bits - 1 - pixels).astype(pixels.dtype)


def white_is_zero(tags: Mapping[int, Any]) -> bool:
    """Whether the lowest value is shown as white (PhotometricInterpretation WhiteIsZero)."""
    return tags.get(_WHITE_OR_BLACK) == 0


def program_that_means_its_values(tags: Mapping[int, Any]) -> str:
    """The program that wrote the file, if its masks are meant as they are stored; else empty."""
    said = f"{tags.get(_DESCRIPTION, '')} {tags.get(_SOFTWARE, '')}"
    return next((program for mark, program in _STORED_COUNTS.items() if mark in said), "")


def _several(value: Any) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple) else (int(value),)


def _numbers_of(path: Path, wanted: tuple[int, ...]) -> dict[int, int] | None:
    """The first number of each wanted 16-bit tag of the first page that is there; None for what is no TIFF."""
    found: dict[int, int] = {}
    try:
        with path.open("rb") as file:
            head = file.read(16)
            order = {b"II": "<", b"MM": ">"}.get(head[:2])
            if order is None:
                return None
            version = struct.unpack_from(order + "H", head, 2)[0]
            if version == 42:
                start, count_form, number, entry = struct.unpack_from(order + "I", head, 4)[0], "H", "I", 12
            elif version == 43:
                start, count_form, number, entry = struct.unpack_from(order + "Q", head, 8)[0], "Q", "Q", 20
            else:
                return None
            file.seek(start)
            count = struct.unpack(order + count_form, file.read(struct.calcsize(count_form)))[0]
            entries = [file.read(entry) for _ in range(min(count, 4096))]
            place = entry - struct.calcsize(number)
            for data in entries:
                tag = struct.unpack_from(order + "H", data)[0]
                if tag not in wanted:
                    continue
                many = struct.unpack_from(order + number, data, 4)[0]
                if 2 * many > struct.calcsize(number):  # the numbers themselves lie elsewhere
                    file.seek(struct.unpack_from(order + number, data, place)[0])
                    data, at = file.read(2), 0
                else:
                    at = place
                found[tag] = int(struct.unpack_from(order + "H", data, at)[0])
    except (OSError, struct.error):
        return None
    return found
