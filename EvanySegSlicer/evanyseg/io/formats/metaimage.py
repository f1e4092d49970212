"""What a MetaImage header says about its voxels, to see that they are there before ITK's reader is asked.

ITK's MetaIO complains about short data on standard error and in no exception that says why.
"""

from __future__ import annotations

import math
from pathlib import Path

from ...errors import ImageError
from .streams import unpacked_size

_BYTES = {
    "MET_CHAR": 1, "MET_UCHAR": 1, "MET_SHORT": 2, "MET_USHORT": 2, "MET_INT": 4, "MET_UINT": 4, "MET_LONG": 4,
    "MET_ULONG": 4, "MET_LONG_LONG": 8, "MET_ULONG_LONG": 8, "MET_FLOAT": 4, "MET_DOUBLE": 8,
}  # fmt: skip


def check_complete(path: Path) -> bool:
    """Whether the file says where its voxels lie. Raises ImageError when voxels are damaged, cut, or not there."""
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
        return placed
    data = path if named.upper() == "LOCAL" else path.parent / named
    if not data.is_file():
        raise ImageError(f"{path.name} keeps its voxels in {data.name}, which is not there.")
    try:
        kind = _BYTES[fields["elementtype"].upper().removesuffix("_ARRAY")]
        channels = int(fields.get("elementnumberofchannels", "1"))
        needed = math.prod(int(n) for n in fields["dimsize"].split()) * kind * channels
        skip = int(fields.get("headersize", "0"))
    except (KeyError, ValueError):
        raise ImageError(f"{path.name} has a damaged MetaImage header: its sizes or type cannot be read.") from None
    start = (start if data == path else 0) + max(skip, 0)
    if fields.get("compresseddata", "").lower().startswith("t"):
        with data.open("rb") as file:
            file.seek(start)
            method = "gzip" if file.read(2) == b"\x1f\x8b" else "zlib"
        found = unpacked_size(data, method, start)
    elif fields.get("binarydata", "true").lower().startswith("f"):
        return placed  # numbers as text: ITK counts them
    else:
        found = data.stat().st_size - start
    if found < needed:
        raise ImageError(
            f"{data.name} is cut off: it holds {max(0, found) / max(1, needed):.0%} of the voxels that its header "
            "tells of; copy or download it again."
        )
    return placed
