"""TIFF files as programs write them and Pillow does not: any number of channels, number formats, turned values."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

_FORMATS = {"u": 1, "i": 2, "f": 3}


def write_tiff(
    path: Path,
    pixels: np.ndarray,
    order: str = "<",
    white_is_zero: bool = False,
    description: str = "",
    orientation: int = 1,
    bits: int | None = None,
) -> Path:
    """Uncompressed, one strip, [H, W, C] of any number of channels. `bits` = 1: of one channel, 0 and 1 are packed."""
    h, w, channels = pixels.shape
    stored = pixels.astype(pixels.dtype.newbyteorder(order))
    data = np.packbits(pixels[..., 0], axis=1).tobytes() if bits == 1 else stored.tobytes()
    text = description.encode() + b"\0" * (4 if description else 0)
    size = bits or 8 * pixels.dtype.itemsize
    sizes = struct.pack(order + f"{channels}H", *[size] * channels)
    entries: list[tuple[int, int, int, bytes | int]] = [
        (256, 3, 1, w), (257, 3, 1, h), (258, 3, channels, sizes if channels > 2 else size), (259, 3, 1, 1),
        (262, 3, 1, 0 if white_is_zero else 1), *([(270, 2, len(text), text)] if text else []), (273, 4, 1, -1),
        (274, 3, 1, orientation), (277, 3, 1, channels), (278, 3, 1, h), (279, 4, 1, len(data)),
        *([(338, 3, 1, 0)] if channels == 2 else []), (339, 3, 1, _FORMATS[pixels.dtype.kind]),
    ]  # fmt: skip
    place = 8 + 2 + 12 * len(entries) + 4
    begin = place + sum(len(e[3]) for e in entries if isinstance(e[3], bytes))
    head, tail = (b"II" if order == "<" else b"MM") + struct.pack(order + "HIH", 42, 8, len(entries)), b""
    for tag, kind, count, value in entries:
        if isinstance(value, bytes):
            packed = struct.pack(order + "I", place + len(tail))
            tail += value
        else:
            value = begin if value == -1 else value
            packed = (
                struct.pack(order + "HH", value, value if count == 2 else 0)
                if kind == 3
                else struct.pack(order + "I", value)
            )
        head += struct.pack(order + "HHI", tag, kind, count) + packed
    path.write_bytes(head + bytes(4) + tail + data)
    return path
