"""Lookup tables of DICOM images: stored values to what they stand for, and palettes to colours.

Source: DICOM PS3.3 C.11.1 (modality LUT) and C.7.6.3.1.5 (palettes). Not by pydicom alone: it takes no tables of 10 or
12 bits, and leaves it to its caller that many palettes of 16 bits hold values of 8.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def modality_values(pixels: np.ndarray, dataset: Any, ends: tuple[int, int]) -> np.ndarray:
    """Stored integers [H, W] through the first item of ModalityLUTSequence; beyond its ends they get what the ends get.

    ends: the lowest and highest integer that the file can store. pixels of MONOCHROME1 come turned, and their values
    leave turned. Raises ValueError for a table that lacks entries.
    """
    item, turned = dataset.ModalityLUTSequence[0], str(dataset.PhotometricInterpretation) == "MONOCHROME1"
    count, first = int(item.LUTDescriptor[0]) or 2**16, int(item.LUTDescriptor[1])
    if ends[0] < 0 and first >= 2**15:
        first -= 2**16
    data = item.LUTData
    if isinstance(data, bytes):
        words = "<u2" if dataset.original_encoding[1] is not False else ">u2"
        kind = np.dtype("u1" if len(data) < 2 * count else words)
        data = np.frombuffer(data, kind, len(data) // kind.itemsize)
    table = np.asarray(data).astype(np.uint16)
    if table.size < count:
        raise ValueError(f"its lookup table tells of {count} entries and has {table.size}")
    stored = pixels.astype(np.int64)
    values = table[np.clip((sum(ends) - stored if turned else stored) - first, 0, count - 1)]
    return table[:count].max() + table[:count].min() - values if turned else values


def palette_colors(indices: np.ndarray, dataset: Any) -> np.ndarray:
    """RGB, uint8 [..., 3], of stored indices."""
    from pydicom.pixels import apply_color_lut

    colors = apply_color_lut(indices, dataset)[..., :3]
    if colors.dtype == np.uint8:
        return colors
    count, first = (int(v) for v in dataset.RedPaletteColorLookupTableDescriptor[:2])
    whole = apply_color_lut(np.arange(first, first + (count or 2**16)).astype(np.int64), dataset)[..., :3]
    return (colors if whole.max() < 2**8 else colors >> 8).astype(np.uint8)
