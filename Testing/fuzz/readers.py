"""What other readers say about a file: nibabel, pydicom, Pillow; for NRRD and MetaImage a reader of a few lines."""

from __future__ import annotations

import bz2
import math
import re
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np

_TYPES = {
    name: np.dtype(code)
    for code, names in {"u1": "uint8,unsigned char,uchar,MET_UCHAR", "i2": "short,int16,MET_SHORT",
                        "f4": "float,MET_FLOAT", "f8": "double,MET_DOUBLE", "i8": "int64,MET_LONG_LONG"}.items()
    for name in names.split(",")
}  # fmt: skip


def pixels_by_others(path: Path) -> np.ndarray | None:
    """What an independent reader makes of a file: [K, J, I], [H, W] or what it has; None when only the amount of data
    was checked. Raises whatever that reader raises for a file that it refuses."""
    name = path.name.lower()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name.endswith((".nii", ".nii.gz", ".hdr", ".img.gz", ".img")):
            return _nibabel(path)
        if name.endswith(".dcm"):
            return _pydicom(path)
        if name.endswith((".png", ".jpg", ".tif", ".bmp", ".webp")):
            return _pillow(path)
        if name.endswith((".nrrd", ".nhdr", ".mha", ".mhd")):
            return _voxels(path)
    return None


def _nibabel(path: Path) -> np.ndarray | None:
    image = _nifti(path)
    return None if image is None else np.asanyarray(image.dataobj).T


def _nifti(path: Path) -> Any:
    """nibabel's image; None where a quaternion was made longer than 1 by rounding: we take the nearest rotation."""
    import nibabel

    try:
        return nibabel.load(path)
    except ValueError as error:
        if "w2 should be positive" in str(error):
            return None
        raise


def _pydicom(path: Path) -> np.ndarray | None:
    import pydicom

    made = pydicom.dcmread(path, force=True)
    if "StructureSetROISequence" in made or "ROIContourSequence" in made:
        return None
    pixels = made.pixel_array
    if made.get("PhotometricInterpretation") != "MONOCHROME2" or "SegmentSequence" in made:
        return None
    slope, intercept = float(made.get("RescaleSlope", 1)), float(made.get("RescaleIntercept", 0))
    return pixels * slope + intercept


def _pillow(path: Path) -> np.ndarray | None:
    from PIL import Image

    with Image.open(path) as picture:
        picture.load()
    return None  # the same library reads it for us: only a refusal tells something


def affine_by_others(path: Path) -> np.ndarray | None:
    """nibabel's matrix from voxel indices to LPS mm [4, 4]; None for other formats and files that name no place."""
    if not path.name.lower().endswith((".nii", ".nii.gz", ".hdr", ".img.gz")):
        return None
    image = _nifti(path)
    if image is None or not (image.header["sform_code"] > 0 or image.header["qform_code"] > 0):
        return None
    scale = {1: 1000.0, 3: 0.001}.get(int(image.header["xyzt_units"]) & 7, 1.0)  # nibabel leaves metres as they are
    return np.diag([-scale, -scale, scale, 1.0]) @ image.affine


def _voxels(path: Path) -> np.ndarray | None:
    """Of NRRD and MetaImage; None where only their number is looked at. Raises ValueError, OSError, zlib.error and
    EOFError when the file holds less than its header tells of."""
    data = path.read_bytes()
    nrrd = data.startswith(b"NRRD")
    head, body = _split(data, rb"\r?\n\r?\n" if nrrd else rb"(?m)^ElementDataFile = .*\n?")
    lines = head.decode("latin-1").splitlines()
    pairs = [re.split(r": |:=", line, maxsplit=1) if nrrd else line.split(" = ", 1) for line in lines]
    fields = {p[0].strip(): p[1].strip() for p in pairs if len(p) == 2}
    sizes = [int(n) for n in fields["sizes" if nrrd else "DimSize"].split()]
    kind = _TYPES.get(fields["type" if nrrd else "ElementType"])
    needed = math.prod(sizes) * (kind.itemsize if kind else 1) * int(fields.get("ElementNumberOfChannels", "1"))
    named = fields.get("data file") or fields.get("ElementDataFile", "LOCAL")
    if named.split()[0] not in ("LOCAL", "LIST") and "%" not in named:
        body = (path.parent / named).read_bytes()
    packed = fields.get("CompressedData", "").upper().startswith("T")
    encoding = fields.get("encoding", "zlib" if packed else "raw").lower()
    if encoding in ("ascii", "hex", "text", "txt") or fields.get("BinaryData", "T").upper().startswith("F"):
        return None
    body = _unpacked(body, encoding)
    if kind is not None and len(body) < needed:
        raise ValueError(f"{len(body)} of {needed} bytes")
    odd = {"line skip", "byte skip", "HeaderSize", "ElementNumberOfChannels"} & set(fields)
    if kind is None or odd or len(sizes) != 3:
        return None
    swapped = fields.get("endian") == "big" or fields.get("BinaryDataByteOrderMSB", "").upper().startswith("T")
    return np.frombuffer(body[:needed], kind.newbyteorder(">" if swapped else "<")).reshape(sizes[::-1])


def _unpacked(data: bytes, encoding: str) -> bytes:
    """What follows a stream is nobody's business."""
    if encoding == "raw":
        return data
    decoders = {"gzip": lambda: zlib.decompressobj(31), "gz": lambda: zlib.decompressobj(31),
                "bzip2": bz2.BZ2Decompressor, "zlib": zlib.decompressobj}  # fmt: skip
    if encoding not in decoders:
        raise ValueError(f"unknown encoding {encoding}")
    decoder = decoders[encoding]()
    found: bytes = decoder.decompress(data)
    if not decoder.eof:
        raise EOFError("the stream does not end")
    return found


def _split(data: bytes, end: bytes) -> tuple[bytes, bytes]:
    """Header and data."""
    found = re.search(end, data)
    if found is None:
        return data, b""  # voxels in a file of their own
    return data[: found.end()], data[found.end() :]
