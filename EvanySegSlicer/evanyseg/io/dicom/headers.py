"""Finding and reading DICOM headers without pixels. pydicom alone; None and empty lists instead of its exceptions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...errors import ImageError

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.7"
SURFACE_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.5"
STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"

SEGMENTATIONS = (SEGMENTATION, LABEL_MAP_SEGMENTATION)
MASKS = (*SEGMENTATIONS, SURFACE_SEGMENTATION, STRUCTURE_SET)
"""SOP classes that hold segments of another image; a surface segmentation is named and refused."""


def read_header(path: Path, tags: list[str] | None = None) -> Any | None:
    """The data set up to the pixels (only `tags`, when given), or None when the file is no DICOM object.

    Raises ImageError when it is one and pydicom is not installed.
    """
    try:
        with path.open("rb") as file:
            file.seek(128)
            marked = file.read(4) == b"DICM"
    except OSError:
        return None
    if not marked and path.suffix.lower() not in (".dcm", ".ima", ".dicom", ""):
        return None
    try:
        import pydicom
        from pydicom.errors import InvalidDicomError
    except ImportError as error:
        raise ImageError(f"{path.name} is a DICOM file: reading it needs the package pydicom.") from error
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=tags, force=not marked)
        return header if header.get("SOPClassUID") else None
    except (OSError, InvalidDicomError, AttributeError, KeyError, NotImplementedError, ValueError, EOFError):
        return None


def headers_below(path: Path) -> Iterator[tuple[Path, Any]]:
    """(file, header) of the file itself, or of every DICOM object in a folder and the folders below, in name order."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for file in files:
        header = read_header(file)
        if header is not None:
            yield file, header


def mask_object(path: Path) -> Path | None:
    """The DICOM SEG or RTSTRUCT that a path means: the file itself, or the only file of a folder; else None."""
    if path.is_dir():
        files = [p for p in path.iterdir() if p.is_file()]
        if len(files) != 1:
            return None
        path = files[0]
    elif not path.is_file():
        return None
    header = read_header(path, ["SOPClassUID"])
    return path if header is not None and str(header.SOPClassUID) in MASKS else None


def text(header: Any, keyword: str) -> str:
    """A value as text, empty when it is missing; several values are joined as DICOM does."""
    value = header.get(keyword)
    if value is None:
        return ""
    if not isinstance(value, str) and hasattr(value, "__iter__") and not hasattr(value, "original_string"):
        return "\\".join(str(v) for v in value)
    return str(value).strip()


def items(dataset: Any, keyword: str) -> list[Any]:
    """The items of a sequence; none when it is missing."""
    return list(dataset.get(keyword) or [])


def functional_group(dataset: Any, frame: int, keyword: str) -> Any | None:
    """The first item of a functional group of a multi-frame object: the frame's own, else the shared one."""
    for sequence, index in (("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)):
        groups = dataset.get(sequence)
        if groups is None or index >= len(groups):
            continue
        found = groups[index].get(keyword)
        if found:
            return found[0]
    return None
