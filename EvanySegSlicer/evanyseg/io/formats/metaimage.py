"""MetaImage volumes (.mha, .mhd), read whole or refused.

Format: https://itk.org/Wiki/ITK/MetaIO/Documentation; as ITK writes it, world coordinates are LPS. Not through ITK,
whose MetaIO gives whatever memory holds for voxels that are not there, and says so on standard error only.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...errors import GeometryError, ImageError
from ...geometry.volume import Volume
from .placing import checked_components, placed_volume
from .streams import share_held, surplus_remark, unpacked

_TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
    "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}  # fmt: skip
_PLACES = ("offset", "position", "origin")
_AXES = ("transformmatrix", "rotation", "orientation")
_LONGEST_HEADER = 1 << 16


@dataclass(frozen=True)
class MetaHeader:
    """fields: by name in lower case; start: of what follows the header; sizes: i first."""

    path: Path
    fields: dict[str, str]
    start: int
    sizes: tuple[int, ...]
    kind: np.dtype
    channels: int

    @property
    def count(self) -> int:
        """Numbers in all voxels."""
        return math.prod(self.sizes) * self.channels

    def flag(self, *names: str) -> bool:
        return next((self.fields[n] for n in names if n in self.fields), "").lower().startswith("t")


def read_metaimage(path: Path) -> Volume:
    """The volume, in LPS. Raises ImageError for what is cut, damaged or not there, GeometryError for time series and
    components that are not colours."""
    header = _header(path)
    if any(n > 1 for n in header.sizes[3:]):
        count = math.prod(header.sizes[3:])
        raise GeometryError(f"{path.name} is a time series of {count} volumes (4D); save one of them as a volume.")
    values, surplus = _values(header)
    planar = len(header.sizes) == 2
    shape = (*header.sizes[:3], 1, 1)[:3][::-1]
    array = values.reshape(*shape, header.channels) if header.channels > 1 else values.reshape(shape)
    checked_components(array, header.channels, path.name)
    placed = any(name in header.fields for name in (*_PLACES, *_AXES))
    remark = surplus_remark(path.name) if surplus else ""
    unit = header.fields.get("distanceunits", "")
    return placed_volume(array, _matrix(header), path.name, planar, placed, remark, unit)


def _header(path: Path) -> MetaHeader:
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        while (line := file.readline(_LONGEST_HEADER)) and file.tell() < _LONGEST_HEADER:
            key, _, value = line.decode("utf-8", "replace").partition("=")
            fields[key.strip().lower()] = value.strip()
            if key.strip().lower() == "elementdatafile":
                break
        start = file.tell()
    if not fields.get("elementdatafile"):
        raise ImageError(f"{path.name} is cut off: its header does not say where the voxels are.")
    try:
        sizes = tuple(int(n) for n in fields["dimsize"].split())
        kind = np.dtype(_TYPES[fields["elementtype"].upper().removesuffix("_ARRAY")])
        channels = int(fields.get("elementnumberofchannels", "1"))
        told = int(fields.get("ndims", len(sizes)))
    except (KeyError, ValueError):
        raise ImageError(f"{path.name} has a damaged MetaImage header: its sizes or type cannot be read.") from None
    if told != len(sizes) or not 2 <= told <= 5 or min(sizes) < 1 or channels < 1:
        raise ImageError(
            f"{path.name} has a damaged MetaImage header (sizes {fields['dimsize'][:60]} in {told} dimensions, "
            f"{channels} values a voxel)."
        )
    header = MetaHeader(path, fields, start, sizes, kind, channels)
    big = header.flag("binarydatabyteordermsb", "elementbyteordermsb")
    return replace(header, kind=kind.newbyteorder(">" if big else "<"))


def _values(header: MetaHeader) -> tuple[np.ndarray, bool]:
    """(flat numbers in the machine's byte order, whether the file holds more than these)."""
    named = header.fields["elementdatafile"]
    data: bytes | bytearray
    if named.upper().startswith("LIST") or "%" in named:
        data, name = _pieces(header, named), header.path.name
    else:
        file = header.path if named.upper() == "LOCAL" else header.path.parent / named
        if not file.is_file():
            raise ImageError(f"{header.path.name} keeps its voxels in {named[:60]}, which is not there.")
        data, name = _data(header, file, header.start if named.upper() == "LOCAL" else 0), file.name
    if header.fields.get("binarydata", "true").lower().startswith("f"):
        return _of_text(header, data, name)
    needed = header.count * header.kind.itemsize
    if len(data) < needed:
        raise ImageError(
            f"{name} is cut off: it holds {share_held(len(data), needed)} of the voxels that its header tells of; "
            "copy or download it again."
        )
    values = np.frombuffer(data, header.kind, header.count)
    native = values if header.kind.isnative else values.astype(header.kind.newbyteorder("="))
    return native, len(data) > needed


def _data(header: MetaHeader, file: Path, start: int) -> bytes | bytearray:
    """What the file holds from `start` on, unpacked."""
    skip = _number(header, "headersize", 0)
    here = file.stat().st_size - start
    if header.flag("compresseddata"):
        told = _number(header, "compresseddatasize", -1)
        if told not in (-1, here):
            raise ImageError(
                f"{header.path.name} is damaged: its header tells of {told} compressed bytes, here are {here}; copy or "
                "download it again."
            )
        with file.open("rb") as stream:
            stream.seek(start + max(skip, 0))
            method = "gzip" if stream.read(2) == b"\x1f\x8b" else "zlib"
        return unpacked(file, method, start + max(skip, 0))
    if skip == -1:  # the voxels end where the file does
        skip = max(0, here - header.count * header.kind.itemsize)
    with file.open("rb") as stream:
        stream.seek(start + skip)
        return stream.read()


def _pieces(header: MetaHeader, named: str) -> bytes:
    """Voxels in a file for each slice, named below the header or by a pattern with its first and last number."""
    path = header.path
    if header.flag("compresseddata"):
        raise ImageError(f"{path.name} keeps its voxels in several compressed files; save it as one file.")
    if named.upper().startswith("LIST"):
        with path.open("rb") as file:
            file.seek(header.start)
            names = [os.fsdecode(line.strip()) for line in file.readlines(_LONGEST_HEADER * 16) if line.strip()]
    else:
        pattern, *numbers = named.split()
        try:
            first, last, step = (int(n) for n in (*numbers, "1")[:3])
            names = [pattern % n for n in range(first, last + 1, step)]
        except (ValueError, TypeError):
            raise ImageError(f"{path.name} has a damaged MetaImage header: '{named[:60]}' names no files.") from None
    slices = header.sizes[2] if len(header.sizes) > 2 else 1
    if len(names) != slices:
        raise ImageError(f"{path.name} names {len(names)} files for its {slices} slices: are some missing?")
    each = header.count // slices * header.kind.itemsize
    found = bytearray()
    for name in names:
        if not (path.parent / name).is_file():
            raise ImageError(f"{path.name} keeps voxels in {name[:60]}, which is not there.")
        part = _data(header, path.parent / name, 0)
        if len(part) < each:
            raise ImageError(f"{name} is cut off: it holds {share_held(len(part), each)} of its slice.")
        found += part[:each]
    return bytes(found)


def _of_text(header: MetaHeader, data: bytes | bytearray, name: str) -> tuple[np.ndarray, bool]:
    words = data.split()
    if len(words) < header.count:
        raise ImageError(f"{name} is cut off: it holds {share_held(len(words), header.count)} of its voxels.")
    try:
        values = np.array([float(w) for w in words[: header.count]]).astype(header.kind.newbyteorder("="))
    except ValueError:
        raise ImageError(f"{name} is damaged: its voxels are said to be numbers as text, and are none.") from None
    return values, len(words) > header.count


def _matrix(header: MetaHeader) -> np.ndarray:
    """Voxel indices to LPS mm [4, 4]; a row of TransformMatrix is an axis of the volume. Raises ImageError."""
    axes = len(header.sizes)
    used = min(axes, 3)
    try:
        spacing = _numbers(header, ("elementspacing", "elementsize"), np.ones(axes))
        origin = _numbers(header, _PLACES, np.zeros(axes))
        turn = _numbers(header, _AXES, np.eye(axes).ravel()).reshape(axes, axes)
    except ValueError:
        raise ImageError(f"{header.path.name} has a damaged MetaImage header: its geometry cannot be read.") from None
    matrix = np.eye(4)
    matrix[:used, :used] = turn[:used, :used].T * spacing[:used]
    matrix[:used, 3] = origin[:used]
    return matrix


def _numbers(header: MetaHeader, names: tuple[str, ...], other: np.ndarray) -> np.ndarray:
    """As many numbers as `other` has, of the first field that is there. Raises ValueError."""
    text = next((header.fields[n] for n in names if n in header.fields), None)
    found = other if text is None else np.array([float(v) for v in text.split()])
    if found.shape != other.shape:
        raise ValueError
    return found


def _number(header: MetaHeader, name: str, other: int) -> int:
    try:
        return int(header.fields.get(name, other))
    except ValueError:
        raise ImageError(f"{header.path.name} has a damaged MetaImage header: {name} is no number.") from None
