"""NIfTI-1 volumes, read whole or refused.

Not through ITK, which fills what a cut file lacks with whatever memory holds, chooses silently between two placements
that differ, and refuses directions that are orthogonal but for rounding.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ...errors import GeometryError, ImageError
from ...geometry.anatomy import LPS_TO_RAS
from ...geometry.placement import Placement, placement_of
from ...geometry.volume import ImageSource, Volume
from .nifti_header import GZIP, NiftiHeader, read_header
from .streams import share_held, surplus_remark, unpacked

_TYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip
_COLORS = {128: 3, 2304: 4}
_REFUSED = {1: "single bits", 32: "complex numbers", 1536: "128-bit numbers", 1792: "complex numbers",
            2048: "complex numbers"}  # fmt: skip
_DISPLACEMENT = 1006


def read_nifti(path: Path) -> Volume:
    """The volume, in LPS. Its placement is the sform's, else the qform's (as nibabel and FSL take them); when both are
    there and differ, the qform's is kept as the volume's `other`, with a note.

    Raises ImageError for cut, damaged and unusable files, GeometryError for time series, vector fields, sheared axes.
    """
    header = read_header(path)
    stored, surplus = _stored(header)
    array = _scaled(header, stored)
    remarks = [surplus_remark(header.voxels.name)] if surplus else []
    planar = len(header.dim) == 2
    found = [placement_of(LPS_TO_RAS @ m, path.name) for m in (header.sform, header.qform) if m is not None]
    if planar:
        found = [_flat(p) for p in found]
    if not found:
        # method 1 of the format: voxel sizes, and no word about where the voxels are
        where = Placement(header.step, (0.0, 0.0, 0.0), np.diag([-1.0, -1.0, 1.0]))
        volume = where.volume(array, planar=planar, name=path.name)
        note = "The file does not say where its voxels lie: the names of the slice planes are a guess."
        remarks += [] if planar else [note]
        return replace(volume, has_geometry=False, source=ImageSource(remarks=tuple(remarks)))
    volume = found[0].volume(array, planar=planar, name=path.name)
    other = None
    if not planar and not np.allclose(header.step, found[0].spacing, rtol=0.01):
        sizes = [" x ".join(f"{v:.3g}" for v in s) for s in (header.step, found[0].spacing)]
        remarks.append(
            f"{path.name} tells of voxels of {sizes[0]} mm, its sform of {sizes[1]} mm; the sform was taken."
        )
    if not planar and len(found) == 2 and not (gap := found[0].difference(found[1], volume.shape)).negligible:
        remarks.append(f"qform and sform place {path.name} differently ({gap.describe()}); the sform was taken.")
        other = found[1]
    return replace(volume, other=other, source=ImageSource(remarks=tuple(remarks)))


def _stored(header: NiftiHeader) -> tuple[np.ndarray, bool]:
    """Voxels as stored, [K, J, I] or [K, J, I, C] in the machine's byte order, and whether the file holds more."""
    size, name = header.dim, header.name
    if any(n > 1 for n in size[3:4]) or any(n > 1 for n in size[5:]):
        count = int(np.prod([n for i, n in enumerate(size) if i == 3 or i > 4]))
        raise GeometryError(f"{name} is a time series of {count} volumes (4D); save one of them as a volume.")
    components = size[4] if len(size) > 4 else 1
    if header.datatype in _REFUSED or header.datatype not in {*_TYPES, *_COLORS}:
        held = _REFUSED.get(header.datatype, f"type {header.datatype}, which NIfTI-1 does not know")
        raise ImageError(f"{name} holds {held}; save it with integers or 32-bit floats.")
    kind: np.dtype = np.dtype("u1" if header.datatype in _COLORS else header.order + _TYPES[header.datatype])
    colors = _COLORS.get(header.datatype, 1)
    if header.bitpix != 8 * kind.itemsize * colors:
        raise ImageError(f"{name} has a damaged NIfTI header ({header.bitpix} bits for type {header.datatype}).")
    if components > 1 and (components not in (3, 4) or kind.kind != "u" or header.intent == _DISPLACEMENT):
        what = "a vector field" if components in (2, 3) else "no colours (a time series or vector field?)"
        raise GeometryError(
            f"{name} has {components} values per voxel, which are {what}; save one of them as a volume."
        )
    flat, surplus = _values(header, kind)
    ijk = (*size[:3], 1, 1)[:3][::-1]
    if colors > 1:
        return flat.reshape(*ijk, colors), surplus
    if components > 1:
        return np.ascontiguousarray(np.moveaxis(flat.reshape(components, *ijk), 0, -1)), surplus
    return flat.reshape(ijk), surplus


def _values(header: NiftiHeader, kind: np.dtype) -> tuple[np.ndarray, bool]:
    """(flat voxels, whether the file holds more than these)."""
    path, needed = header.voxels, header.bytes_needed
    with path.open("rb") as file:
        if file.read(2) == GZIP:
            data = unpacked(path, "gzip", keep=header.offset + needed + 1)[header.offset :]
        else:
            file.seek(header.offset)
            data = bytearray(file.read(needed + 1))
    if len(data) < needed:
        raise ImageError(
            f"{path.name} is cut off: it holds {share_held(len(data), needed)} of the "
            f"{' x '.join(map(str, header.dim))} voxels that its header tells of; copy or download it again."
        )
    surplus = len(data) > needed
    values = np.frombuffer(data, kind, needed // kind.itemsize)
    return (values if kind.isnative else values.astype(kind.newbyteorder("="))), surplus


def _scaled(header: NiftiHeader, values: np.ndarray) -> np.ndarray:
    """slope x stored + intercept, as integers where that gives integers."""
    slope, intercept = header.slope, header.intercept
    if slope == 0 or not np.isfinite([slope, intercept]).all() or (slope, intercept) == (1, 0) or values.ndim == 4:
        return values
    whole = float(slope).is_integer() and float(intercept).is_integer() and values.dtype.kind in "iu"
    if whole and values.dtype.itemsize <= 2 and abs(slope) < 2**14 and abs(intercept) < 2**29:
        return values.astype(np.int32) * np.int32(slope) + np.int32(intercept)
    single = values.dtype.itemsize <= 2 or values.dtype == np.float32
    scaled: np.ndarray = values.astype("f4" if single else "f8")
    scaled *= slope
    scaled += intercept
    return scaled


def _flat(where: Placement) -> Placement:
    """A 2D file's placement: a plane that is not along x and y has no 2D placement, only pixel sizes."""
    turn = np.eye(3)
    turn[:2, :2] = where.direction[:2, :2]
    if not np.allclose(turn @ turn.T, np.eye(3), atol=1e-3):
        turn = np.eye(3)
    return Placement((*where.spacing[:2], 1.0), (*where.origin[:2], 0.0), turn)
