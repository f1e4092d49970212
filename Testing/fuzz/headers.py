"""Headers edited so that they contradict themselves or the data: NIfTI, NRRD, MetaImage, PNG, TIFF, DICOM, tables."""

from __future__ import annotations

import gzip
import io
import re
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pydicom

Edit = Callable[[bytes, np.random.Generator], tuple[bytes, str]]

_NIFTI: tuple[tuple[str, int, str], ...] = (
    ("dim[0]", 40, "h"), ("dim[1]", 42, "h"), ("dim[2]", 44, "h"), ("dim[3]", 46, "h"), ("dim[4]", 48, "h"),
    ("dim[5]", 50, "h"), ("intent_code", 68, "h"), ("datatype", 70, "h"), ("bitpix", 72, "h"), ("pixdim[0]", 76, "f"),
    ("pixdim[1]", 80, "f"), ("pixdim[3]", 88, "f"), ("vox_offset", 108, "f"), ("scl_slope", 112, "f"),
    ("scl_inter", 116, "f"), ("qform_code", 252, "h"), ("sform_code", 254, "h"), ("quatern_b", 256, "f"),
    ("qoffset_x", 268, "f"), ("srow_x[0]", 280, "f"), ("srow_y[1]", 300, "f"), ("srow_z[2]", 320, "f"),
    ("srow_z[3]", 324, "f"), ("sizeof_hdr", 0, "i"),
)  # fmt: skip
_INTEGERS = (-32768, -1, 0, 1, 2, 3, 4, 5, 7, 8, 16, 32, 64, 128, 255, 256, 512, 1000, 2304, 32767)
_REALS = (0.0, -1.0, 1.0, 0.5, 3.0, 1e-30, 1e30, float("nan"), float("inf"), 352.0, 348.0, 1000.0, -0.001)
_FIELDS = {
    "sizes": ["4 5 6", "40 48", "0 40 6", "-48 40 6", "48 40 6 1", "48 40 7", "480 400 60", "99999 99999 99999", "x"],
    "dimension": ["2", "4", "0", "17", "three"],
    "type": ["float", "double", "block", "int64", "unsigned char", "short", "nonsense"],
    "encoding": ["raw", "gzip", "bzip2", "ascii", "hex", "nonsense"],
    "endian": ["big", "little", "middle"],
    "space": ["right-anterior-superior", "scanner-xyz", "nonsense"],
    "space directions": ["(0,0,0) (0,0,0) (0,0,0)", "(nan,0,0) (0,1,0) (0,0,1)", "(1,0,0) (1,0,0) (0,0,1)",
                         "none none none"],
    "space origin": ["(nan,0,0)", "(1e300,0,0)", "none", "(1,2)"],
    "kinds": ["list domain domain", "domain domain", "vector domain domain domain"],
    "line skip": ["3", "-1"], "byte skip": ["5", "-1"], "data file": ["gone.raw", "LIST", "clean.nrrd"],
    "Segment0_LabelValue": ["x", "-1", "99999999999"], "Segment0_Layer": ["9", "-1", "x"], "Segment0_Color": ["red"],
    "DimSize": ["4 5 6", "48 40", "48 40 7", "0 40 6", "-48 40 6", "99999 99999 99999"],
    "NDims": ["2", "4", "0"], "ElementType": ["MET_FLOAT", "MET_UCHAR", "MET_LONG_LONG", "MET_NONSENSE"],
    "ElementSpacing": ["0 0 0", "-1 1 1", "nan 1 1", "1 1"], "Offset": ["nan 0 0", "1e300 0 0"],
    "TransformMatrix": ["0 0 0 0 0 0 0 0 0", "1 0 0 1 0 0 0 0 1", "1 0 0"],
    "CompressedData": ["True", "False"], "CompressedDataSize": ["1", "0", "99999999"],
    "BinaryDataByteOrderMSB": ["True"], "BinaryData": ["False"], "ElementNumberOfChannels": ["2", "3", "0"],
    "ElementDataFile": ["gone.raw", "LOCAL", "LIST", "x%03d.raw 1 9 1"],
}  # fmt: skip
_DICOM: dict[str, list[object]] = {
    "Rows": [0, 1, 59, 61, 65535], "Columns": [0, 79, 81, 65535], "BitsAllocated": [1, 8, 12, 32],
    "BitsStored": [0, 8, 17],
    "HighBit": [7, 31], "PixelRepresentation": [1, 2], "SamplesPerPixel": [0, 2, 3], "NumberOfFrames": [0, 2, 99],
    "PixelSpacing": [[0.0, 0.0], [-1.0, 1.0], None], "ImageOrientationPatient": [[0.0] * 6, [1.0, 0, 0, 1, 0, 0], None],
    "ImagePositionPatient": [[0.0, 0.0, 1e9], None],
    "PhotometricInterpretation": ["MONOCHROME1", "RGB", "PALETTE COLOR"],
    "RescaleSlope": [0.0, 1e30], "RescaleIntercept": [1e30], "Modality": ["SR", "XX", None],
    "SOPClassUID": ["1.2", None],
    "SeriesInstanceUID": ["1.9", None], "PixelData": [None, b"", b"\0" * 7], "SegmentSequence": [None, []],
    "PerFrameFunctionalGroupsSequence": [None, []], "SharedFunctionalGroupsSequence": [None, []],
    "SegmentationType": ["FRACTIONAL", "NONSENSE"], "MaximumFractionalValue": [0], "FrameOfReferenceUID": ["1.7", None],
    "ROIContourSequence": [None, []], "StructureSetROISequence": [None, []], "RescaleType": ["US"],
}  # fmt: skip


def edits_of(name: str, fmt: str, data: bytes) -> list[Edit]:
    """Edits that fit a file by its name and first bytes."""
    end = name.lower()
    if fmt.startswith("dicom") and end.endswith(".dcm"):
        return [_dicom]
    if end.endswith((".nii", ".nii.gz", ".hdr", ".hdr.gz")):
        return [_nifti]
    if end.endswith((".nrrd", ".nhdr", ".mha", ".mhd")):
        return [_fields]
    if end.endswith(".png"):
        return [_png]
    if end.endswith(".tif"):
        return [_tiff]
    return [_cells] if end.endswith(".csv") else []


def _nifti(data: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    packed = data.startswith(b"\x1f\x8b")
    try:
        content = bytearray(gzip.decompress(data) if packed else data)
    except (OSError, EOFError, zlib.error):
        return data[: len(data) // 2], "cut in half"
    if len(content) < 348:
        return data + b"x", "one byte more"
    name, at, kind = _NIFTI[rng.integers(len(_NIFTI))]
    values = _REALS if kind == "f" else _INTEGERS
    value = values[rng.integers(len(values))]
    struct.pack_into(f"<{kind}", content, at, value)
    return (gzip.compress(bytes(content), mtime=0) if packed else bytes(content)), f"{name} = {value}"


def _fields(data: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    """Of the text headers of NRRD (`key: value`, `key:=value`) and MetaImage (`key = value`)."""
    head = data[:4096]
    there = [key for key in _FIELDS if re.search(rb"(?m)^" + re.escape(key.encode()) + rb"( = |: |:=)", head)]
    if not there or rng.random() < 0.15:
        lines = data.split(b"\n", 12)
        gone = int(rng.integers(0, len(lines)))
        return b"\n".join(lines[:gone] + lines[gone + 1 :]), f"header line {gone} is missing"
    key = there[rng.integers(len(there))]
    value = _FIELDS[key][rng.integers(len(_FIELDS[key]))]
    pattern = rb"(?m)^(" + re.escape(key.encode()) + rb"(?: = |: |:=)).*$"
    return re.sub(pattern, lambda m: m[1] + value.encode(), data, count=1), f"{key} = {value}"


def _png(data: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    """Width, height, depth, colour type or interlace of the header, with its checksum put right."""
    if data[12:16] != b"IHDR" or len(data) < 33:
        return data[1:], "the first byte is missing"
    names, forms = ("width", "height", "depth", "color", "interlace"), (">I", ">I", ">B", ">B", ">B")
    which = int(rng.integers(5))
    value = [0, 1, 2, 3, 4, 6, 8, 16, 59, 81, 255, 30000][rng.integers(12)]
    at = (16, 20, 24, 25, 28)[which]
    content = bytearray(data)
    struct.pack_into(forms[which], content, at, value if which < 2 else value % 256)
    struct.pack_into(">I", content, 29, zlib.crc32(bytes(content[12:29])))
    return bytes(content), f"PNG {names[which]} = {value}"


def _tiff(data: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    """One entry of the first directory."""
    if len(data) < 16 or data[:4] != b"II*\0":
        return data[::-1], "turned around"
    start = struct.unpack_from("<I", data, 4)[0]
    if start + 2 > len(data):
        return data + b"\0", "a byte more"
    count = struct.unpack_from("<H", data, start)[0]
    entry = start + 2 + 12 * int(rng.integers(0, max(1, count)))
    if entry + 12 > len(data):
        return data + b"\0", "a byte more"
    tag = struct.unpack_from("<H", data, entry)[0]
    value = [0, 1, 2, 3, 5, 8, 16, 255, 32773, 70000, 2**31][rng.integers(11)]
    content = bytearray(data)
    struct.pack_into("<I", content, entry + 8, value)
    return bytes(content), f"TIFF tag {tag} = {value}"


def _dicom(data: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    try:
        made = pydicom.dcmread(io.BytesIO(data))
        there = [key for key in _DICOM if key in made or rng.random() < 0.05]
        key = there[rng.integers(len(there))]
        value = _DICOM[key][rng.integers(len(_DICOM[key]))]
        if value is None:
            if key in made:
                delattr(made, key)
        else:
            setattr(made, key, value)
        out = io.BytesIO()
        pydicom.dcmwrite(out, made)
        return out.getvalue(), f"{key} = {value}"
    except Exception:  # pydicom raises whatever it likes for files that were damaged before
        return data[: len(data) * 2 // 3], "cut at two thirds"


def _cells(data: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    lines = data.split(b"\n")
    row = int(rng.integers(0, len(lines)))
    cells = lines[row].split(b",")
    at = int(rng.integers(0, len(cells)))
    odd = [
        b"",
        b"nan",
        b"inf",
        b"-1",
        b"1e999",
        b"0,5",
        b'"',
        b"\0",
        b"=1+1",
        b"\xff\xfe",
        b"x" * 200_000,
        b"image",
        b"91",
    ]
    value = odd[rng.integers(len(odd))]
    cells[at] = value
    lines[row] = b",".join(cells)
    return b"\n".join(lines), f"line {row + 1}, cell {at + 1} = {value[:20]!r}"
