"""Stored pixels of DICOM images: decoded, colours made RGB, unused bits cleared, MONOCHROME1 turned, nothing scaled.

pydicom decodes what it can; what it cannot (lossless JPEG, 12-bit JPEG) goes through GDCM in SimpleITK, in a copy of
the file without the attributes that GDCM would act upon.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ....errors import ImageError
from ..headers import reason_of, text
from .luts import palette_colors

_LOSSLESS_JPEG = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
_EXTENDED_JPEG = "1.2.840.10008.1.2.4.51"
_JPEGS = ("1.2.840.10008.1.2.4.50", _EXTENDED_JPEG, *_LOSSLESS_JPEG)


def stored_pixels(path: Path) -> tuple[Any, np.ndarray]:
    """(data set, frames [N, H, W] as integers or [N, H, W, 3] as RGB). Raises ImageError for pixels that are cut or
    cannot be decoded."""
    import pydicom

    try:
        with warnings.catch_warnings():  # whatever pydicom warns of is an error below, or no harm
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(path, force=True)
            syntax = _syntax(dataset)
            if not dataset.get("PixelData"):
                raise ImageError(f"{path.name} is cut off: its pixels are not there; copy or download it again.")
            array = _by_gdcm(dataset, syntax, path) if _needs_gdcm(dataset, syntax) else _by_pydicom(dataset)
    except ImageError:
        raise
    except Exception as error:  # decoders raise whatever they like, and a traceback helps nobody
        reason = reason_of(error)
        raise ImageError(f"The pixels of {path.name} cannot be read: it is cut off or damaged ({reason}).") from error
    color = text(dataset, "PhotometricInterpretation") == "PALETTE COLOR" or int(dataset.SamplesPerPixel) > 1
    frames = array.reshape(-1, int(dataset.Rows), int(dataset.Columns), *((3,) if color else ()))
    told = int(dataset.get("NumberOfFrames") or 1)
    if len(frames) != told:
        raise ImageError(f"{path.name} tells of {told} frames and holds {len(frames)}; copy or download it again.")
    if color:
        return dataset, frames
    frames = _without_unused_bits(frames, dataset)
    if text(dataset, "PhotometricInterpretation") == "MONOCHROME1":  # low is white: what everybody sees is the negative
        low, high = stored_range(dataset)
        frames = (low + high - frames.astype(np.int64)).astype(frames.dtype)
    return dataset, frames


def stored_range(dataset: Any) -> tuple[int, int]:
    """The lowest and highest integer that the file can store."""
    bits = int(dataset.BitsStored)
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if int(dataset.PixelRepresentation) else (0, (1 << bits) - 1)


def padding_range(dataset: Any) -> tuple[int, int] | None:
    """The stored values, turned as the pixels are, that mark what was not scanned."""
    first = dataset.get("PixelPaddingValue")
    if first is None:
        return None
    last = dataset.get("PixelPaddingRangeLimit")
    ends = sorted((int(first), int(first if last is None else last)))
    if text(dataset, "PhotometricInterpretation") == "MONOCHROME1":
        low, high = stored_range(dataset)
        ends = sorted(low + high - v for v in ends)
    return ends[0], ends[1]


def _syntax(dataset: Any) -> str:
    """The transfer syntax; files without a preamble leave it to be guessed from how they could be parsed."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

    meta = getattr(dataset, "file_meta", None)
    if meta is None:
        meta = dataset.file_meta = FileMetaDataset()
    if "TransferSyntaxUID" not in meta and len(meta):
        raise ValueError("its header does not say how the pixels are encoded")
    if "TransferSyntaxUID" not in meta:
        implicit = dataset.original_encoding[0]
        meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    return str(meta.TransferSyntaxUID)


def _needs_gdcm(dataset: Any, syntax: str) -> bool:
    from pydicom.pixels import get_decoder

    if syntax in _LOSSLESS_JPEG or (syntax == _EXTENDED_JPEG and int(dataset.BitsStored) > 8):
        return True
    try:
        return not get_decoder(dataset.file_meta.TransferSyntaxUID).is_available
    except NotImplementedError:
        return True


def _by_pydicom(dataset: Any) -> np.ndarray:
    from pydicom.pixels import pixel_array

    bits, high = int(dataset.BitsStored), int(dataset.get("HighBit") or 0)
    # values that lie higher up (see `_without_unused_bits`) would be cut off
    dataset.BitsStored = max(bits, high + 1)
    try:
        array = pixel_array(dataset)
    finally:
        dataset.BitsStored = bits
    return palette_colors(array, dataset) if text(dataset, "PhotometricInterpretation") == "PALETTE COLOR" else array


def _by_gdcm(dataset: Any, syntax: str, path: Path) -> np.ndarray:
    import pydicom
    import SimpleITK as sitk
    from pydicom.encaps import generate_frames
    from pydicom.uid import MultiFrameGrayscaleWordSecondaryCaptureImageStorage, SecondaryCaptureImageStorage

    count = int(dataset.get("NumberOfFrames") or 1)
    if syntax in _JPEGS:
        for frame in generate_frames(dataset.PixelData, number_of_frames=count):
            if not frame.rstrip(b"\0").endswith(b"\xff\xd9"):
                raise ImageError(f"{path.name} is cut off: a frame's JPEG has no end; copy or download it again.")
    plain = pydicom.Dataset()
    for keyword in ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
                    "SamplesPerPixel", "PlanarConfiguration", "NumberOfFrames", "PixelData"):  # fmt: skip
        if keyword in dataset:
            plain[keyword] = dataset[keyword]
    color = int(dataset.SamplesPerPixel) > 1
    plain.PhotometricInterpretation = text(dataset, "PhotometricInterpretation") if color else "MONOCHROME2"
    several = MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    plain.SOPClassUID = several if count > 1 else SecondaryCaptureImageStorage
    plain.SOPInstanceUID = dataset.get("SOPInstanceUID") or "1.2.3"
    plain.file_meta = pydicom.dataset.FileMetaDataset()
    plain.file_meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    plain.file_meta.MediaStorageSOPClassUID = plain.SOPClassUID
    plain.file_meta.MediaStorageSOPInstanceUID = plain.SOPInstanceUID
    with tempfile.TemporaryDirectory(prefix="evanyseg-") as folder:
        copy = Path(folder) / "pixels.dcm"
        pydicom.dcmwrite(copy, plain, enforce_file_format=True)
        sitk.ProcessObject.SetGlobalWarningDisplay(False)
        reader = sitk.ImageFileReader()
        reader.SetImageIO("GDCMImageIO")
        reader.SetFileName(str(copy))
        return sitk.GetArrayFromImage(reader.Execute())


def _without_unused_bits(frames: np.ndarray, dataset: Any) -> np.ndarray:
    """Bits above those stored belong to nobody, or to an overlay of long ago."""
    bits, allocated = int(dataset.BitsStored), 8 * frames.dtype.itemsize
    low, high = stored_range(dataset)
    shift = max(0, int(dataset.get("HighBit") or bits - 1) + 1 - bits)
    if bits >= allocated or (not shift and int(frames.min()) >= low and int(frames.max()) <= high):
        return frames
    kept = (frames.astype(np.int64) >> shift) & ((1 << bits) - 1)
    if low < 0:
        kept -= (kept >> (bits - 1)) << bits
    return kept.astype(frames.dtype)
