"""What a file really is, by its first bytes: asked before any library, because endings lie and libraries guess.

A format that is read has its own `FileKind`; everything else is `OTHER` with words for it and what to do about it.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ..errors import ImageError
from .formats.nifti_header import header_of_voxels
from .formats.streams import unpacked_head

HEAD = 4096
GZIP = b"\x1f\x8b"


class FileKind(Enum):
    """Which reader a file needs."""

    NIFTI = "NIfTI"
    NRRD = "NRRD"
    METAIMAGE = "MetaImage"
    IMAGE_2D = "image"
    DICOM = "DICOM"
    OTHER = "other"


@dataclass(frozen=True)
class Sniffed:
    """`what`: words for the content, with an article; `remedy`: what to do when it cannot be read; `packed`: gzip."""

    kind: FileKind
    what: str
    remedy: str = ""
    packed: bool = False


_AGAIN = "copy or download it again"
_EXPORT = "save it as NIfTI, NRRD or MetaImage"
_PNG = "save it as PNG or TIFF"
_SIGNATURES: tuple[tuple[int, bytes, Sniffed], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", Sniffed(FileKind.IMAGE_2D, "a PNG image")),
    (0, b"\xff\xd8\xff", Sniffed(FileKind.IMAGE_2D, "a JPEG image")),
    (0, b"II*\0", Sniffed(FileKind.IMAGE_2D, "a TIFF image")),
    (0, b"MM\0*", Sniffed(FileKind.IMAGE_2D, "a TIFF image")),
    (0, b"II+\0", Sniffed(FileKind.IMAGE_2D, "a TIFF image")),
    (0, b"BM", Sniffed(FileKind.IMAGE_2D, "a BMP image")),
    (8, b"WEBP", Sniffed(FileKind.IMAGE_2D, "a WebP image")),
    (128, b"DICM", Sniffed(FileKind.DICOM, "a DICOM file")),
    (0, b"NRRD000", Sniffed(FileKind.NRRD, "an NRRD file")),
    (0, b"\x93NUMPY", Sniffed(FileKind.OTHER, "a NumPy array, which knows no spacing and no orientation", _EXPORT)),
    (0, b"GIF8", Sniffed(FileKind.OTHER, "a GIF image", _PNG)),
    (4, b"jP  ", Sniffed(FileKind.OTHER, "a JPEG 2000 image", _PNG)),
    (0, b"8BPS", Sniffed(FileKind.OTHER, "a Photoshop document", _PNG)),
    (4, b"ftyp", Sniffed(FileKind.OTHER, "a film or a HEIC/AVIF image", _PNG)),
    (0, b"%PDF", Sniffed(FileKind.OTHER, "a PDF document", "give the image itself")),
    (0, b"PK\x03\x04", Sniffed(FileKind.OTHER, "a ZIP archive (or .npz, .xlsx, .mrb)", "unpack it first")),
    (0, b"Rar!", Sniffed(FileKind.OTHER, "a RAR archive", "unpack it first")),
    (0, b"7z\xbc\xaf", Sniffed(FileKind.OTHER, "a 7-Zip archive", "unpack it first")),
    (0, b"BZh", Sniffed(FileKind.OTHER, "a bzip2 file", "unpack it first")),
    (0, b"\xfd7zXZ", Sniffed(FileKind.OTHER, "an xz file", "unpack it first")),
    (0, b"\x28\xb5\x2f\xfd", Sniffed(FileKind.OTHER, "a zstd file", "unpack it first")),
    (257, b"ustar", Sniffed(FileKind.OTHER, "a TAR archive", "unpack it first")),
    (0, b"\x89HDF", Sniffed(FileKind.OTHER, "an HDF5 file (MINC 2, MATLAB 7.3)", _EXPORT)),
    (0, b"CDF\x01", Sniffed(FileKind.OTHER, "a NetCDF file (MINC 1)", _EXPORT)),
    (0, b"MATLAB", Sniffed(FileKind.OTHER, "a MATLAB file", _EXPORT)),
    (0, b"# vtk DataFile", Sniffed(FileKind.OTHER, "a VTK file", _EXPORT)),
    (208, b"MAP ", Sniffed(FileKind.OTHER, "an MRC file", _EXPORT)),
)
_TEXTS: tuple[tuple[bytes, Sniffed], ...] = (
    (
        rb"\Aversion https://git-lfs",
        Sniffed(FileKind.OTHER, "a pointer of Git LFS, not the file itself", "run 'git lfs pull' where it came from"),
    ),
    (
        rb"\A[./]*(\.git/annex|/annex)/objects/",
        Sniffed(FileKind.OTHER, "a pointer of git-annex, not the file itself", "run 'git annex get' or 'datalad get'"),
    ),
    (
        rb"\A\s*<(!doctype\s+html|html|head|!--)",
        Sniffed(
            FileKind.OTHER,
            "a web page (HTML): the server sent a page instead of the file",
            "log in there and download it again",
        ),
    ),
    (rb"\A\s*<\?xml|\A\s*<[A-Za-z]+[^<>]*>", Sniffed(FileKind.OTHER, "an XML file (an error message?)", _AGAIN)),
    (rb"\A(ObjectType|NDims|Comment)\s*=|^NDims\s*=", Sniffed(FileKind.METAIMAGE, "a MetaImage file")),
    (rb"\AP[1-7]\s", Sniffed(FileKind.OTHER, "a PBM, PGM or PPM image", _PNG)),
    (rb"\A\s*[{\[]", Sniffed(FileKind.OTHER, "a JSON text (an error message?)", _AGAIN)),
)
_NIFTI_SIZES = {348: "NIfTI-1 or Analyze", 540: "NIfTI-2"}
_CONVERT_NIFTI2 = "convert it to NIfTI-1, for example with 'nib-convert' or 'mri_convert', or save it as NRRD"
_BARE_DICOM = re.compile(rb"\A(\x02\x00[\x00-\x20]\x00|\x08\x00[\x00-\x20]\x00)")
"""DICOM without its preamble begins with group 2 or 8."""


def sniff(path: Path) -> Sniffed:
    """Raises ImageError when there is no such file or it cannot be opened. Of an .img the header beside it counts."""
    try:
        path = header_of_voxels(path) or path
        with path.open("rb") as file:
            head = file.read(HEAD)
            size = path.stat().st_size
    except FileNotFoundError:
        raise ImageError(f"There is no file {path}.") from None
    except ImageError:
        raise
    except (OSError, ValueError) as error:  # also a name that no system allows
        raise ImageError(f"{path} cannot be opened ({getattr(error, 'strerror', None) or error}).") from None
    if not size:
        return Sniffed(FileKind.OTHER, "an empty file (0 bytes)", _AGAIN)
    if head.startswith(GZIP):
        inner = unpacked_head(path, HEAD)
        if not inner:
            return Sniffed(FileKind.OTHER, "a damaged gzip file, which cannot be unpacked", _AGAIN, packed=True)
        if inner.startswith(GZIP):
            return Sniffed(FileKind.OTHER, "packed with gzip twice", "unpack it once (gunzip)", packed=True)
        found = _of_bytes(inner)
        readable = found.kind is FileKind.NIFTI
        what = found.what if readable else f"{found.what}, packed with gzip"
        remedy = found.remedy if found.kind is FileKind.OTHER else "unpack it first (gunzip)"
        return Sniffed(found.kind if readable else FileKind.OTHER, what, "" if readable else remedy, packed=True)
    return _of_bytes(head)


def refuse_other(path: Path, found: Sniffed) -> None:
    """Raises ImageError for what no reader is there for, in words."""
    if found.kind is FileKind.OTHER:
        raise ImageError(f"{path.name} cannot be read: it is {found.what}; {found.remedy}.")


def _of_bytes(head: bytes) -> Sniffed:
    for offset, magic, found in _SIGNATURES:
        if head[offset : offset + len(magic)] == magic:
            return found
    for order in "<>":
        if len(head) >= 4 and (size := struct.unpack_from(order + "i", head)[0]) in _NIFTI_SIZES:
            return _nifti(head, size)
    if _BARE_DICOM.match(head):
        return Sniffed(FileKind.DICOM, "a DICOM file")
    if _freesurfer(head):
        return Sniffed(FileKind.OTHER, "a FreeSurfer volume (MGH/MGZ)", "convert it: mri_convert in.mgz out.nii.gz")
    if not head.strip(b"\0"):
        return Sniffed(FileKind.OTHER, "nothing but zero bytes at its beginning (a download that broke off?)", _AGAIN)
    text = head.removeprefix(b"\xef\xbb\xbf")
    for pattern, found in _TEXTS:
        if re.search(pattern, text, re.IGNORECASE | re.MULTILINE):
            return found
    if not re.search(rb"[\0-\x08\x0e-\x1a]", text):
        return Sniffed(FileKind.OTHER, "a text", "give the image itself")
    known = "PNG, JPEG, WebP, TIFF, BMP, NIfTI, NRRD, MetaImage, DICOM"
    return Sniffed(FileKind.OTHER, "of no format that is known here", f"known are {known}")


def _nifti(head: bytes, size: int) -> Sniffed:
    if size == 540:
        return Sniffed(FileKind.OTHER, "a NIfTI-2 file", _CONVERT_NIFTI2)
    if len(head) < 348 or head[344:348] in (b"n+1\0", b"ni1\0"):
        return Sniffed(FileKind.NIFTI, "a NIfTI file")
    return Sniffed(
        FileKind.OTHER, "an Analyze 7.5 header, which does not say where left and right are", "save it as NIfTI"
    )


def _freesurfer(head: bytes) -> bool:
    """Version 1, four sizes, a known type: big-endian integers."""
    if len(head) < 284:
        return False
    version, *sizes, kind = struct.unpack_from(">6i", head)
    return version == 1 and all(0 < n < 32768 for n in sizes) and kind in (0, 1, 3, 4, 10)
