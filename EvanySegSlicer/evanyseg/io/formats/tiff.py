"""One number from a TIFF header that nobody else tells when a file cannot be read: the channels of a pixel."""

from __future__ import annotations

import struct
from pathlib import Path

_SAMPLES_PER_PIXEL = 277


def channels_of_tiff(path: Path) -> int | None:
    """Samples per pixel of the first page; None for what is no TIFF."""
    try:
        with path.open("rb") as file:
            head = file.read(16)
            order = {b"II": "<", b"MM": ">"}.get(head[:2])
            if order is None:
                return None
            version = struct.unpack_from(order + "H", head, 2)[0]
            if version == 42:
                start, count_form, entry, place = struct.unpack_from(order + "I", head, 4)[0], "H", 12, 8
            elif version == 43:
                start, count_form, entry, place = struct.unpack_from(order + "Q", head, 8)[0], "Q", 20, 12
            else:
                return None
            file.seek(start)
            count = struct.unpack(order + count_form, file.read(struct.calcsize(count_form)))[0]
            for _ in range(min(count, 4096)):
                data = file.read(entry)
                if struct.unpack_from(order + "H", data)[0] == _SAMPLES_PER_PIXEL:
                    return int(struct.unpack_from(order + "H", data, place)[0])
    except (OSError, struct.error):
        return None
    return 1
