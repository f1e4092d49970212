"""The door for segmentations that are DICOM objects: SEG and RTSTRUCT, checked against their image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...errors import ImageError
from ...geometry.volume import Volume
from ..remote import local_copy
from ..segmentation import Segmentation
from .headers import STRUCTURE_SET, mask_objects, read_header, understood
from .joined import joined
from .rtstruct import read_rtstruct
from .seg.read import read_dicom_seg
from .source import DicomSource, read_source


@dataclass(frozen=True)
class ReadImage:
    """An image as it was read: the volume, the file or folder, the series that was asked for."""

    volume: Volume
    path: Path
    series: str | None = None

    def source(self) -> DicomSource | None:
        """Its DICOM headers; None when it is no DICOM image (or one of several that look alike)."""
        try:
            return read_source(local_copy(self.path), self.volume, self.series)
        except ImageError:
            return None


def read_dicom_mask(path: Path, image: ReadImage | None, fractional: bool = True) -> Segmentation | None:
    """The segments of a DICOM SEG or RTSTRUCT, or of all of them in a folder; None when there is none.

    Raises ImageError, GeometryError; an RTSTRUCT without `image` is refused, for its contours need a grid.
    """
    files = mask_objects(path)
    if not files:
        return None
    source = image.source() if image is not None else None
    found = [_read(file, image, source, fractional) for file in files]
    return found[0] if len(found) == 1 else joined(found, path.name)


def _read(file: Path, image: ReadImage | None, source: DicomSource | None, fractional: bool) -> Segmentation:
    header = read_header(file, ["SOPClassUID"])
    with understood(file.name):
        if header is None or str(header.SOPClassUID) != STRUCTURE_SET:
            return read_dicom_seg(file, image.volume if image is not None else None, source, fractional)
        if image is None:
            raise ImageError(f"{file.name} is a structure set: its contours have no pixels without the image.")
        return read_rtstruct(file, image.volume, source)
