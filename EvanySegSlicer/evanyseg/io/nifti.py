"""What a NIfTI header says, and whether the voxels that it promises are there.

Format: NIfTI-1.1 (nifti1.h): 348 bytes, either byte order; voxels in the same file from `vox_offset` on ('n+1'), or in
an .img file beside ('ni1'); both may be gzipped.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path

from ..errors import ImageError
from .streams import unpacked_head, unpacked_size

_SIZE = 348
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class NiftiHeader:
    """dim: sizes of the axes in use; bitpix: bits a voxel; offset: of the voxels in `voxels`."""

    dim: tuple[int, ...]
    datatype: int
    bitpix: int
    offset: int
    voxels: Path

    @property
    def bytes_needed(self) -> int:
        """Of the file of voxels, unpacked."""
        return self.offset + math.prod(self.dim) * self.bitpix // 8


def read_header(path: Path) -> NiftiHeader:
    """The header behind a `.nii`, `.hdr` or `.img`, gzipped or not. Raises ImageError."""
    name = path.name.lower()
    if name.endswith((".img", ".img.gz")):
        header = _sibling(path, ".hdr")
        if header is None:
            raise ImageError(f"{path.name} has no header: the file of that name ending in .hdr must lie beside it.")
        return read_header(header)
    with path.open("rb") as file:
        head = file.read(_SIZE)
    if head.startswith(_GZIP):
        head = unpacked_head(path, _SIZE)
    order = next((o for o in "<>" if head.startswith(struct.pack(o + "i", _SIZE))), None)
    if order is None and len(head) > 3:
        raise ImageError(f"{path.name} cannot be read as NIfTI: it does not begin with a NIfTI-1 header.")
    if order is None or len(head) < _SIZE:
        raise ImageError(f"{path.name} is cut off: a NIfTI header has {_SIZE} bytes, here are {len(head)}.")
    axes, *sizes = struct.unpack_from(order + "8h", head, 40)
    if not 1 <= axes <= 7 or min(sizes[:axes]) < 1:
        raise ImageError(f"{path.name} has a damaged NIfTI header (sizes {sizes} in {axes} dimensions).")
    datatype, bitpix = struct.unpack_from(order + "2h", head, 70)
    offset = struct.unpack_from(order + "f", head, 108)[0]
    if not 0 <= offset < 2**31:
        raise ImageError(f"{path.name} has a damaged NIfTI header (voxels at byte {offset:g}).")
    pair = not head[344:348].startswith(b"n+1")
    voxels = _sibling(path, ".img") if pair else path
    if voxels is None:
        raise ImageError(f"{path.name} is a header without voxels: the file ending in .img must lie beside it.")
    return NiftiHeader(tuple(sizes[:axes]), datatype, bitpix, int(offset), voxels)


def check_complete(header: NiftiHeader) -> None:
    """Raises ImageError when the file ends before the last voxel, or its compressed stream is cut or damaged."""
    path = header.voxels
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    found = unpacked_size(path, "gzip") if packed else path.stat().st_size
    if found < header.bytes_needed:
        share = max(0, found - header.offset) / max(1, header.bytes_needed - header.offset)
        raise ImageError(
            f"{path.name} is cut off: it holds {share:.0%} of the {' x '.join(map(str, header.dim))} voxels that its "
            "header tells of; copy or download it again."
        )


def _sibling(path: Path, suffix: str) -> Path | None:
    """The other file of a pair, gzipped or not."""
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    stem = path.with_name(name).with_suffix("")
    found = (stem.with_name(stem.name + s) for s in (suffix, suffix + ".gz", suffix.upper()))
    return next((p for p in found if p.exists()), None)
