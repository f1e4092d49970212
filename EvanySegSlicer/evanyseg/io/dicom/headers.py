"""Finding and reading DICOM headers without pixels. pydicom alone; None and empty lists instead of its exceptions."""

from __future__ import annotations

import contextlib
import io
import re
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...errors import EvanySegError, ImageError
from ..sniff import FileKind, sniff
from .complete import is_whole

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
        if sniff(path).kind is not FileKind.DICOM:
            return None
    except (OSError, EvanySegError):
        return None
    pydicom = _pydicom(path.name)
    try:
        with quiet():
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=tags, force=True)
            return header if header.get("SOPClassUID") else None
    except damage():
        return None


def read_object(path: Path) -> Any:
    """The whole data set. Raises ImageError when the file is cut short or cannot be understood."""
    pydicom = _pydicom(path.name)
    with understood(path.name):
        stored = path.read_bytes()
        dataset = pydicom.dcmread(io.BytesIO(stored), force=True)
        syntax = dataset.file_meta.get("TransferSyntaxUID")
        if syntax is not None and not is_whole(stored, syntax):
            raise ImageError(
                f"{path.name} is cut short or damaged: its parts do not end where the file ends; copy it again."
            )
    return dataset


@contextlib.contextmanager
def understood(name: str) -> Iterator[None]:
    """What pydicom and numbers in damaged headers raise becomes one sentence."""
    try:
        with quiet():
            yield
    except EvanySegError:
        raise
    except damage() as error:
        reason = reason_of(error)
        raise ImageError(f"{name} is damaged ({reason[:120].rstrip('.')}); copy or export it again.") from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the libraries' remarks on headers that are not quite by the book: those of archives seldom are."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(pydicom|highdicom)\b")
        yield


def damage() -> tuple[type[Exception], ...]:
    """What pydicom raises on damaged files, by what it stumbles over: values are decoded when they are used."""
    from pydicom.errors import BytesLengthException, InvalidDicomError

    plain = (OSError, EOFError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError)
    return (*plain, NotImplementedError, struct.error, BytesLengthException, InvalidDicomError)


def _pydicom(name: str) -> Any:
    try:
        import pydicom
    except ImportError as error:
        raise ImageError(f"{name} is a DICOM file: reading it needs the package pydicom.") from error
    return pydicom


def headers_below(path: Path) -> Iterator[tuple[Path, Any]]:
    """(file, header) of the file itself, or of every DICOM object in a folder and the folders below, in name order."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for file in files:
        header = read_header(file)
        if header is not None:
            yield file, header


def mask_objects(path: Path) -> list[Path]:
    """The DICOM SEGs and RTSTRUCTs that a path means: the file itself, or those in a folder and the folders below."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    found = []
    for file in files:
        header = read_header(file, ["SOPClassUID"])
        if header is not None and str(header.SOPClassUID) in MASKS:
            found.append(file)
    return found


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


def reason_of(error: Exception) -> str:
    """What an error of pydicom or of a decoder says, for people: a missing attribute is the header's, not Python's."""
    if isinstance(error, AttributeError | TypeError | KeyError | IndexError):
        found = re.search(r"attribute '(\w+)'", str(error))
        return f"its header lacks {found[1]}" if found else "its header is incomplete"
    return " ".join(str(error).split())[:200] or type(error).__name__
