"""What a NIfTI-1 header says: sizes, types, and the one or two placements in space that it gives.

Format: NIfTI-1.1 (nifti1.h): 348 bytes, either byte order; voxels in the same file from `vox_offset` on ('n+1'), or in
an .img file beside ('ni1'); both may be gzipped. World coordinates are RAS.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import ImageError
from .streams import check_single_stream, unpacked_head

SIZE = 348
_FIRST_VOXEL = 352
"""In a single file voxels come after the header and four bytes that tell of extensions."""

GZIP = b"\x1f\x8b"
_MILLIMETERS = {1: 1000.0, 3: 0.001}
"""Units other than mm: metres and micrometres."""

_HALF_TURN = 1e-7
"""As in nifti1_io.c: a smaller square of the first quaternion element is rounding: a turn by 180 degrees."""

_PLACED = range(1, 6)
"""Codes of a qform or sform that is there; others are damage and taken for 0, as nibabel does."""


@dataclass(frozen=True)
class NiftiHeader:
    """dim: sizes of the axes in use (i first); order: '<' or '>'; offset: of the voxels in the file `voxels`.

    qform, sform: voxel indices to RAS mm, [4, 4]; None where the header does not give one. step: (i, j, k) in mm.
    """

    name: str
    order: str
    dim: tuple[int, ...]
    datatype: int
    bitpix: int
    offset: int
    slope: float
    intercept: float
    intent: int
    step: tuple[float, float, float]
    qform: np.ndarray | None
    sform: np.ndarray | None
    voxels: Path

    @property
    def bytes_needed(self) -> int:
        """Of the voxels, unpacked."""
        return math.prod(self.dim) * self.bitpix // 8


def read_header(path: Path) -> NiftiHeader:
    """The header behind a `.nii`, `.hdr` or `.img`, gzipped or not. Raises ImageError."""
    header = header_of_voxels(path)
    if header is not None:
        return read_header(header)
    with path.open("rb") as file:
        head = file.read(SIZE)
    packed = head.startswith(GZIP)
    if packed:
        head = unpacked_head(path, SIZE)
    order = next((o for o in "<>" if head.startswith(struct.pack(o + "i", SIZE))), None)
    if order is None and len(head) > 3:
        raise ImageError(f"{path.name} cannot be read as NIfTI: it does not begin with a NIfTI-1 header.")
    if order is None or len(head) < SIZE:
        raise ImageError(f"{path.name} is cut off: a NIfTI header has {SIZE} bytes, here are {len(head)}.")
    voxels: Path | None = path
    if not head[344:348].startswith(b"n+1"):
        if packed:
            check_single_stream(path)
        voxels = _sibling(path, ".img")
        if voxels is None:
            raise ImageError(f"{path.name} is a header without voxels: the file ending in .img must lie beside it.")
    return _parsed(path.name, head, order, voxels or path)


def header_of_voxels(path: Path) -> Path | None:
    """The .hdr beside an .img; None for every other file. Raises ImageError when it is not there."""
    if not path.name.lower().endswith((".img", ".img.gz")):
        return None
    header = _sibling(path, ".hdr")
    if header is None:
        raise ImageError(f"{path.name} has no header: the file of that name ending in .hdr must lie beside it.")
    return header


def _parsed(name: str, head: bytes, order: str, voxels: Path) -> NiftiHeader:
    get = lambda form, at: struct.unpack_from(order + form, head, at)
    axes, *sizes = get("8h", 40)
    if not 1 <= axes <= 7 or min(sizes[:axes]) < 1:
        raise ImageError(f"{name} has a damaged NIfTI header (sizes {sizes} in {axes} dimensions).")
    (offset,) = get("f", 108)
    first = _FIRST_VOXEL if head[344:348].startswith(b"n+1") else 0
    if not first <= offset < 2**31:
        raise ImageError(f"{name} has a damaged NIfTI header (voxels at byte {offset:g}).")
    pixdim = get("8f", 76)
    unit = _MILLIMETERS.get(head[123] & 7, 1.0)
    step = tuple(abs(float(v)) * unit if math.isfinite(v) and v else 1.0 for v in pixdim[1:4])
    quaternion_code, affine_code = get("2h", 252)
    qform = sform = None
    if quaternion_code in _PLACED:
        qform = _of_quaternion(name, get("6f", 256), step, -1.0 if pixdim[0] < 0 else 1.0, unit)
    if affine_code in _PLACED:
        sform = np.eye(4)
        sform[:3] = np.array(get("12f", 280)).reshape(3, 4) * unit
        if not np.isfinite(sform).all():
            raise ImageError(f"{name} has a damaged NIfTI header: its sform is not made of numbers.")
    datatype, bitpix = get("2h", 70)
    slope, intercept = get("2f", 112)
    if slope and math.isfinite(slope) and not math.isfinite(intercept):
        raise ImageError(f"{name} has a damaged NIfTI header (scaling by {slope:g} and {intercept:g}).")
    return NiftiHeader(
        name=name,
        order=order,
        dim=tuple(sizes[:axes]),
        datatype=datatype,
        bitpix=bitpix,
        offset=int(offset),
        slope=slope,
        intercept=intercept,
        intent=get("h", 68)[0],
        step=(step[0], step[1], step[2]),
        qform=qform,
        sform=sform,
        voxels=voxels,
    )


def _of_quaternion(
    name: str, values: tuple[float, ...], step: tuple[float, ...], handedness: float, unit: float
) -> np.ndarray:
    """NIfTI-1.1, method 2: rotation of a unit quaternion (a, b, c, d), then an offset."""
    b, c, d, *shift = values
    square = b * b + c * c + d * d
    if not math.isfinite(square) or square > 1.001 or not np.isfinite(shift).all():
        raise ImageError(f"{name} has a damaged NIfTI header: its qform is no rotation.")
    a = math.sqrt(max(0.0, 1.0 - square))
    if a * a < _HALF_TURN:
        a = 0.0
        b, c, d = (v / math.sqrt(square) for v in (b, c, d))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    matrix = np.eye(4)
    matrix[:3, :3] = rotation * np.array([step[0], step[1], step[2] * handedness])
    matrix[:3, 3] = np.array(shift) * unit
    return matrix


def _sibling(path: Path, suffix: str) -> Path | None:
    """The other file of a pair, gzipped or not."""
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    stem = path.with_name(name).with_suffix("")
    found = (stem.with_name(stem.name + s) for s in (suffix, suffix + ".gz", suffix.upper()))
    return next((p for p in found if p.exists()), None)
