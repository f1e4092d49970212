"""What a DICOM object is, in words: images are read, everything else is named with what to give instead.

Source: DICOM PS3.4 B.5 (storage SOP classes).
"""

from __future__ import annotations

from typing import Any

from ....errors import ImageError
from ..headers import items, text

_CLASSES = "1.2.840.10008.5.1.4.1.1."
_IMAGES_TOO = "give the images that it belongs to"
_NAMED: tuple[tuple[str, str, str], ...] = (
    ("88.59", "a key object selection", _IMAGES_TOO),
    ("88.", "a structured report (SR): text and measurements, no image", _IMAGES_TOO),
    ("104.1", "a PDF document in DICOM", "give the image itself"),
    ("104.2", "a CDA document in DICOM", "give the image itself"),
    ("104.", "a document or 3D model in DICOM", "give the image itself"),
    ("66.4", "a segmentation (DICOM SEG)", "give it as the mask, and the images as the image"),
    ("66.7", "a segmentation (DICOM SEG)", "give it as the mask, and the images as the image"),
    ("66.5", "a surface segmentation (meshes)", "export it as a DICOM Segmentation (binary)"),
    ("66.6", "tractography results", _IMAGES_TOO),
    ("66.1", "a spatial registration", _IMAGES_TOO),
    ("66.2", "fiducial points", _IMAGES_TOO),
    ("66.3", "a deformable registration", _IMAGES_TOO),
    ("66", "raw data, not an image", "export the reconstructed images"),
    ("67", "a real world value mapping", _IMAGES_TOO),
    ("481.2", "a dose distribution (RTDOSE)", _IMAGES_TOO),
    ("481.3", "a structure set (RTSTRUCT)", "give it as the mask, and the images as the image"),
    ("481.5", "a treatment plan (RTPLAN)", _IMAGES_TOO),
    ("481.8", "a treatment plan (RTPLAN)", _IMAGES_TOO),
    ("481.4", "a treatment record", _IMAGES_TOO),
    ("11.", "a presentation state: how to show images, no image", _IMAGES_TOO),
    ("9.", "a waveform (ECG, audio), no image", "give the image itself"),
    ("30", "a parametric map", "export it as NIfTI or NRRD"),
    ("77.1.6", "a whole-slide microscopy image", "export the region as PNG or TIFF"),
)
_DIRECTORY = "1.2.840.10008.1.3.10"


def not_an_image(header: Any) -> tuple[str, str] | None:
    """(what it is, what to give instead) for objects that hold no image to be scored; None for images."""
    uid = text(header, "SOPClassUID") or text(getattr(header, "file_meta", {}), "MediaStorageSOPClassUID")
    if uid == _DIRECTORY:
        return "a DICOMDIR: the table of contents of a medium", "give the folder of a series, or one of its files"
    if uid.startswith(_CLASSES):
        rest = uid.removeprefix(_CLASSES)
        for start, what, remedy in _NAMED:
            if rest == start or (start.endswith(".") and rest.startswith(start)) or rest.startswith(start + "."):
                return what, remedy
    if not header.get("Rows") or not header.get("Columns"):
        if _holds_images(uid):
            return None  # its pixels must be there: whoever decodes them says that the file is cut
        kind = text(header, "Modality") or "unknown kind"
        return f"a DICOM object without pixels ({kind})", "give the image itself"
    if "FloatPixelData" in header or "DoubleFloatPixelData" in header:
        return "a map of floating point values", "export it as NIfTI or NRRD"
    return None


def _holds_images(uid: str) -> bool:
    """Whether the standard asks for pixels in objects of this class."""
    from pydicom.uid import UID

    name = UID(uid).name
    return name.endswith("Image Storage") or name.endswith("Image Storage - For Presentation")


def check_has_pixels(header: Any, name: str) -> None:
    """Raises ImageError for an image whose header breaks off before it tells of pixels."""
    if not header.get("Rows") or not header.get("Columns"):
        raise ImageError(f"{name} is cut off: its header tells of no pixels; copy or download it again.")


def is_localizer(header: Any) -> bool:
    return "LOCALIZER" in [part.upper() for part in text(header, "ImageType").split("\\")]


def has_frames(header: Any) -> bool:
    """Whether the object holds frames (a film or an enhanced image), not one image."""
    return int(header.get("NumberOfFrames") or 1) > 1 or bool(items(header, "PerFrameFunctionalGroupsSequence"))
