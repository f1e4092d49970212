"""Writes DICOM test files with pydicom alone: every header value is the test's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

ROOT = "1.2.826.0.1.3680043.8.498."


def dataset(sop_class: str = CTImageStorage, **values: object) -> FileDataset:
    """A file's header with identifiers and `values` (DICOM keywords); None leaves an attribute out."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = generate_uid(ROOT)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    made.SOPClassUID, made.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    made.StudyInstanceUID, made.SeriesInstanceUID = ROOT + "1", ROOT + "2"
    made.Modality, made.PatientID, made.PatientName = "CT", "phantom", "Phantom"
    for key, value in values.items():
        if value is not None:
            setattr(made, key, value)
    return made


def set_pixels(made: FileDataset, pixels: np.ndarray, bits: int = 16) -> None:
    """Unsigned or signed grey [H, W] or frames [N, H, W], or colours uint8 [..., H, W, 3] with SamplesPerPixel 3."""
    color = made.get("SamplesPerPixel", 1) == 3
    kind = np.dtype(np.uint8 if bits <= 8 else np.int16 if pixels.dtype.kind == "i" else np.uint16)
    made.SamplesPerPixel = 3 if color else 1
    if color:
        made.PlanarConfiguration = 0
    made.Rows, made.Columns = pixels.shape[-3:-1] if color else pixels.shape[-2:]
    made.BitsAllocated, made.BitsStored, made.HighBit = 8 * kind.itemsize, bits, bits - 1
    made.PixelRepresentation = int(kind.kind == "i")
    if "PhotometricInterpretation" not in made:
        made.PhotometricInterpretation = "RGB" if color else "MONOCHROME2"
    made.PixelData = pixels.astype(kind).tobytes()


def write_slice(
    path: Path,
    pixels: np.ndarray,
    bits: int = 16,
    position: tuple[float, float, float] = (0.0, 0.0, 0.0),
    orientation: tuple[float, ...] = (1, 0, 0, 0, 1, 0),
    spacing: tuple[float, float] = (1.0, 1.0),
    **values: object,
) -> Path:
    """One slice; position of its first pixel and (row mm, column mm) spacing, LPS."""
    place = {
        "ImagePositionPatient": [float(v) for v in position],
        "ImageOrientationPatient": [float(v) for v in orientation],
        "PixelSpacing": list(spacing),
        "FrameOfReferenceUID": ROOT + "3",
    }
    made = dataset(**{**place, **values})
    set_pixels(made, pixels, bits)
    pydicom.dcmwrite(path, made, enforce_file_format=True)
    return path
