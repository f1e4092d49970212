"""The images below a path: every file looked at, grouped by series, what is no image counted and named."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ....errors import ImageError
from ...sniff import FileKind, refuse_other, sniff
from ..headers import read_header, text
from .objects import check_has_pixels, is_localizer, not_an_image

_DICOM_ENDINGS = (".dcm", ".ima", ".dicom")


@dataclass(frozen=True)
class ImageFile:
    path: Path
    header: Any = field(repr=False)


@dataclass(frozen=True)
class ImageSeries:
    """Files of one series in name order; localizers that were left out; copies of a file count once."""

    uid: str
    files: tuple[ImageFile, ...]
    localizers: tuple[Path, ...] = ()
    copies: int = 0

    def describe(self) -> str:
        """Such as '1.2.3 (CT, thorax 5 mm, 120 files)'."""
        header = self.files[0].header
        words = [text(header, "Modality"), text(header, "SeriesDescription"), f"{len(self.files)} files"]
        return f"{self.uid} ({', '.join(w for w in words if w)})"


def image_series(path: Path, series: str | None = None) -> ImageSeries:
    """The series of a file, or the one below a folder; `series` (a SeriesInstanceUID) chooses among several.

    Raises ImageError for files that are damaged or no images, for folders without a series, or with several.
    """
    if not path.is_dir():
        header = _header(path)
        named = not_an_image(header)
        if named is not None:
            raise ImageError(f"{path.name} cannot be read as an image: it is {named[0]}; {named[1]}.")
        check_has_pixels(header, path.name)
        return ImageSeries(text(header, "SeriesInstanceUID"), (ImageFile(path, header),))
    found, others = _below(path)
    if not found:
        raise ImageError(_nothing(path, others))
    if series is not None and series not in found:
        raise ImageError(f"The folder {path.name} holds no series {series}; it has {', '.join(found)}.")
    if series is None and len(found) > 1:
        listed = "; ".join(_series(uid, files).describe() for uid, files in found.items())
        raise ImageError(f"The folder {path.name} holds {len(found)} DICOM series; name one with --series: {listed}.")
    uid = series if series is not None else next(iter(found))
    return _series(uid, found[uid])


def _below(folder: Path) -> tuple[dict[str, list[ImageFile]], list[str]]:
    """(images by series, words for everything else that is DICOM or a 2D image)."""
    found: dict[str, list[ImageFile]] = defaultdict(list)
    others: list[str] = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")):
        kind = sniff(path)
        if kind.kind is not FileKind.DICOM:
            if path.suffix.lower() in _DICOM_ENDINGS:
                refuse_other(path, kind)
            others.append(kind.what)
            continue
        header = _header(path)
        named = not_an_image(header)
        if named is not None:
            others.append(named[0])
        else:
            check_has_pixels(header, path.name)
            found[text(header, "SeriesInstanceUID")].append(ImageFile(path, header))
    return found, others


def _header(path: Path) -> Any:
    header = read_header(path)
    if header is None:
        raise ImageError(f"{path.name} is a DICOM file whose header is cut off or damaged; copy or download it again.")
    return header


def _series(uid: str, files: list[ImageFile]) -> ImageSeries:
    by_instance: dict[str, ImageFile] = {}
    for file in files:
        by_instance.setdefault(text(file.header, "SOPInstanceUID") or str(file.path), file)
    single = list(by_instance.values())
    scans = [f for f in single if not is_localizer(f.header)]
    left_out = tuple(f.path for f in single if is_localizer(f.header)) if scans else ()
    return ImageSeries(uid, tuple(scans or single), left_out, len(files) - len(single))


def _nothing(folder: Path, others: list[str]) -> str:
    if not others:
        return f"The folder {folder.name} holds no DICOM series: it has no DICOM file."
    counted = ", ".join(f"{others.count(what)} x {what}" for what in dict.fromkeys(others))
    return f"The folder {folder.name} holds no DICOM series but {counted}; give a file, or the folder of a series."
