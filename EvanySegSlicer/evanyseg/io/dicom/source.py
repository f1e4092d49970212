"""The DICOM image that a volume was read from: which file each slice is, whose it is, what else refers to it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import GeometryError, ImageError
from ...geometry.volume import Volume
from .headers import MASKS, functional_group, headers_below, items, text

_NEAR = 0.1
"""A file belongs to a slice when its corner lies this near to it, in voxels: headers round."""


@dataclass(frozen=True)
class SourceFrame:
    """Where one slice comes from: the header's number, and the frame in it (from 0) when it is multi-frame."""

    header: int
    frame: int | None = None


@dataclass(frozen=True)
class DicomSource:
    """Headers (pydicom data sets without pixels) of the one series that an image was read from."""

    name: str
    headers: tuple[Any, ...] = field(repr=False)

    @property
    def series(self) -> str:
        return text(self.headers[0], "SeriesInstanceUID")

    @property
    def frame_of_reference(self) -> str:
        return text(self.headers[0], "FrameOfReferenceUID")

    @property
    def instances(self) -> frozenset[str]:
        return frozenset(text(h, "SOPInstanceUID") for h in self.headers)

    def frames_of(self, volume: Volume) -> tuple[SourceFrame, ...]:
        """The file or frame of every slice k. Raises GeometryError when a slice has none, or two.

        An image without a place in space (a radiograph) is its own only slice.
        """
        if volume.source.frame is not None:
            raise GeometryError(
                f"{volume.name} is a frame of a film, which has no place in space; write its mask as a 2D image."
            )
        places = [(SourceFrame(n, f), *place) for n, h in enumerate(self.headers) for f, place in _places(h)]
        if len(places) == 1 and places[0][1] is None and volume.shape[0] == 1:
            return (places[0][0],)
        found: dict[int, list[SourceFrame]] = defaultdict(list)
        inverse = np.linalg.inv(volume.ijk_to_lps)
        for frame, position, cosines in places:
            if position is None or cosines is None:
                continue
            i, j, k = (inverse @ np.array([*position, 1.0]))[:3]
            straight = np.allclose(cosines, np.asarray(volume.direction)[:, :2].T.ravel(), atol=1e-3)
            if straight and max(abs(i), abs(j), abs(k - round(k))) <= _NEAR:
                found[round(k)].append(frame)
        lost = [k for k in range(volume.shape[0]) if len(found[k]) != 1]
        if lost:
            what = "no file" if not found[lost[0]] else f"{len(found[lost[0]])} files"
            raise GeometryError(
                f"Slice {lost[0]} of {volume.name} belongs to {what} of the DICOM series ({len(lost)} of "
                f"{volume.shape[0]} slices do not match); a DICOM result needs one image for each slice."
            )
        return tuple(found[k][0] for k in range(volume.shape[0]))


def read_source(path: Path, volume: Volume, series: str | None = None) -> DicomSource:
    """The series behind `volume`, which was read from `path` (a DICOM file or folder).

    Raises ImageError when there is no DICOM image, or when several series fit the volume.
    """
    by_series: dict[str, list[Any]] = defaultdict(list)
    for _, header in headers_below(Path(path).expanduser()):
        if str(header.SOPClassUID) not in MASKS and header.get("Rows"):
            by_series[text(header, "SeriesInstanceUID")].append(header)
    if not by_series:
        raise ImageError(
            f"{path} is no DICOM image: a DICOM SEG or report refers to the images that it was made on, so it needs "
            "the DICOM file or folder itself."
        )
    if series is not None and series not in by_series:
        raise ImageError(f"{path} holds no DICOM series {series}; it has {', '.join(by_series)}.")
    names = [series] if series is not None else list(by_series)
    sources = [DicomSource(Path(path).name, tuple(by_series[name])) for name in names]
    if len(sources) > 1:
        sources = [s for s in sources if _fits(s, volume)]
    if len(sources) != 1:
        raise ImageError(
            f"{path} holds {len(names)} DICOM series, of which {len(sources)} fit the image; name one with --series."
        )
    return sources[0]


def _fits(source: DicomSource, volume: Volume) -> bool:
    try:
        source.frames_of(volume)
    except GeometryError:
        return False
    return True


Place = tuple[np.ndarray | None, np.ndarray | None]
"""(ImagePositionPatient, ImageOrientationPatient) of a frame, None where the header has none."""


def _places(header: Any) -> list[tuple[int | None, Place]]:
    """(frame or None, place) of every frame of one object."""
    if not items(header, "PerFrameFunctionalGroupsSequence"):
        count = int(header.get("NumberOfFrames") or 1)
        position, cosines = _numbers(header, "ImagePositionPatient"), _numbers(header, "ImageOrientationPatient")
        if count == 1:
            return [(None, (position, cosines))]
        return [(f, (None, None)) for f in range(count)]  # cine, or frames that nothing places
    found: list[tuple[int | None, Place]] = []
    for frame in range(len(header.PerFrameFunctionalGroupsSequence)):
        found.append((frame, frame_place(header, frame)))
    return found


def frame_place(header: Any, frame: int) -> Place:
    """(position, cosines) of one frame of a multi-frame object, in mm in LPS."""
    position = functional_group(header, frame, "PlanePositionSequence")
    orientation = functional_group(header, frame, "PlaneOrientationSequence")
    return (
        None if position is None else _numbers(position, "ImagePositionPatient"),
        None if orientation is None else _numbers(orientation, "ImageOrientationPatient"),
    )


def _numbers(dataset: Any, keyword: str) -> np.ndarray | None:
    value = dataset.get(keyword)
    return None if value is None else np.array([float(v) for v in value])
