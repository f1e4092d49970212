"""What a MetaImage header says about its voxels, to see that they are there before ITK's reader is asked.

ITK's MetaIO complains about short data on standard error and in no exception that says why.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

from ...errors import ImageError
from .streams import share_held, unpacked_size

_BYTES = {
    "MET_CHAR": 1, "MET_UCHAR": 1, "MET_SHORT": 2, "MET_USHORT": 2, "MET_INT": 4, "MET_UINT": 4, "MET_LONG": 4,
    "MET_ULONG": 4, "MET_LONG_LONG": 8, "MET_ULONG_LONG": 8, "MET_FLOAT": 4, "MET_DOUBLE": 8,
}  # fmt: skip


def check_complete(path: Path) -> tuple[bool, bool]:
    """(whether the file says where its voxels lie, whether it holds more data than its header tells of).

    Raises ImageError when voxels are damaged, cut, or not there.
    """
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        while line := file.readline(1 << 16):
            key, _, value = line.decode("utf-8", "replace").partition("=")
            fields[key.strip().lower()] = value.strip()
            if key.strip().lower() == "elementdatafile":
                break
        start = file.tell()
    named = fields.get("elementdatafile", "")
    if not named:
        raise ImageError(f"{path.name} is cut off: its header does not say where the voxels are.")
    placed = bool({"transformmatrix", "rotation", "orientation", "offset", "position", "origin"} & set(fields))
    if named.upper().startswith("LIST") or "%" in named:
        _check_pieces(path, named, start, fields)
        return placed, False
    data = path if named.upper() == "LOCAL" else path.parent / named
    if not data.is_file():
        raise ImageError(f"{path.name} keeps its voxels in {data.name}, which is not there.")
    try:
        kind = _BYTES[fields["elementtype"].upper().removesuffix("_ARRAY")]
        channels = int(fields.get("elementnumberofchannels", "1"))
        needed = math.prod(int(n) for n in fields["dimsize"].split()) * kind * channels
        skip = int(fields.get("headersize", "0"))
        int(fields.get("compresseddatasize", "0"))
    except (KeyError, ValueError):
        raise ImageError(f"{path.name} has a damaged MetaImage header: its sizes or type cannot be read.") from None
    if needed < 1:
        raise ImageError(f"{path.name} has a damaged MetaImage header: no voxels in sizes {fields['dimsize']}.")
    start = (start if data == path else 0) + max(skip, 0)
    if fields.get("compresseddata", "").lower().startswith("t"):
        told = int(fields.get("compresseddatasize", "-1"))
        if told not in (-1, data.stat().st_size - start):
            raise ImageError(
                f"{path.name} is damaged: its header tells of {told} compressed bytes, here are "
                f"{data.stat().st_size - start}; copy or download it again."
            )
        with data.open("rb") as file:
            file.seek(start)
            method = "gzip" if file.read(2) == b"\x1f\x8b" else "zlib"
        found = unpacked_size(data, method, start)
    elif fields.get("binarydata", "true").lower().startswith("f"):
        return placed, False  # numbers as text: ITK counts them
    else:
        found = data.stat().st_size - start
    if found < needed:
        raise ImageError(
            f"{data.name} is cut off: it holds {share_held(found, needed)} of the voxels that its header tells of; "
            "copy or download it again."
        )
    return placed, found > needed and skip >= 0


def _check_pieces(path: Path, named: str, start: int, fields: dict[str, str]) -> None:
    """Voxels in a file for each slice, named below the header or by a pattern with its first and last number: ITK takes
    what it finds and says nothing of the rest. Raises ImageError for a file that is not there, or too few."""
    if named.upper().startswith("LIST"):
        with path.open("rb") as file:
            file.seek(start)
            names = [os.fsdecode(line.strip()) for line in file if line.strip()]
    else:
        pattern, *numbers = named.split()
        try:
            first, last, step = (int(n) for n in (*numbers, "1")[:3])
            names = [pattern % n for n in range(first, last + 1, step)]
        except (ValueError, TypeError):
            raise ImageError(f"{path.name} has a damaged MetaImage header: '{named}' names no files.") from None
    gone = next((n for n in names if not (path.parent / n).is_file()), None)
    if gone is not None:
        raise ImageError(f"{path.name} keeps voxels in {gone[:60]}, which is not there.")
    sizes = fields.get("dimsize", "").split()
    if len(names) < (int(sizes[2]) if len(sizes) > 2 and sizes[2].isdecimal() else 1):
        raise ImageError(f"{path.name} names {len(names)} files for its {sizes[2]} slices: are some missing?")
