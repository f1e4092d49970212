"""Where the frames of a DICOM SEG lie: a stack along one normal, with gaps where a segment has no frame.

Only frames with something in them are stored, so their distances say little about the slices: two frames 6 mm apart
may be neighbours, or may have an empty slice of 3 mm between them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ....errors import GeometryError, ImageError
from ....geometry.volume import Volume
from ..headers import functional_group, items
from ..source import frame_place

_OFF = 0.05
"""Frames may lie off the grid by this part of a slice distance: writers round positions."""


@dataclass(frozen=True)
class FrameGrid:
    """grid: a volume without voxels; slices: the slice k of every frame, in file order."""

    grid: Volume
    slices: tuple[int, ...]


def frame_count(dataset: Any, name: str = "The DICOM SEG") -> int:
    """Raises ImageError when the file says two numbers."""
    groups = len(items(dataset, "PerFrameFunctionalGroupsSequence"))
    count = int(dataset.get("NumberOfFrames") or groups or 1)
    if groups and groups != count:
        raise ImageError(f"{name} has {count} frames and describes {groups}; copy or export it again.")
    return count


def placed_frames(dataset: Any, image: Volume | None, name: str) -> FrameGrid | None:
    """The grid that the frames lie on; None when no frame has a place in space (a segmentation of a radiograph).

    The slice distance is one that all frames fit: what the file says about the distance of its slices, or the image's
    own when they lie in its slices (the larger, when both fit); else the thickness, else the smallest distance of two.
    Raises GeometryError for frames that make no straight, even stack, ImageError when only some have a place.
    """
    count = frame_count(dataset, name)
    places = [frame_place(dataset, f) for f in range(count)]
    known = [(p, c) for p, c in places if p is not None and c is not None]
    if not known:
        return None
    measures = [functional_group(dataset, f, "PixelMeasuresSequence") for f in range(count)]
    if len(known) < count or any(m is None or not m.get("PixelSpacing") for m in measures):
        raise ImageError(f"{name} lacks the position or the spacing of some of its {count} frames; export it again.")
    positions = np.array([p for p, _ in known])
    cosines = np.array([c for _, c in known])
    spacings = np.array([[float(v) for v in m.PixelSpacing] for m in measures if m is not None])
    if np.abs(cosines - cosines[0]).max() > 1e-3 or np.abs(spacings - spacings[0]).max() > 1e-3 * spacings.min():
        raise GeometryError(f"The frames of {name} differ in orientation or spacing; they make no volume.")
    row, column = spacings[0]
    x, y = cosines[0][:3] / np.linalg.norm(cosines[0][:3]), cosines[0][3:] / np.linalg.norm(cosines[0][3:])
    normal = np.cross(x, y)
    if image is not None and image.has_geometry and float(normal @ np.asarray(image.direction)[:, 2]) < 0:
        normal = -normal  # slices are numbered as the image numbers its own
    depth = (positions - positions[0]) @ normal
    drift = np.abs(positions - positions[0] - depth[:, None] * normal).max()
    if drift > _OFF * min(row, column) + 1e-3:
        raise GeometryError(f"The frames of {name} are shifted in their plane by up to {drift:.3g} mm (gantry tilt).")
    step = _refined(depth, _step(depth, measures[0], image, positions[0], normal, name))
    index = np.round((depth - depth.min()) / step).astype(int)
    first = int(np.argmin(depth))
    grid = Volume(
        np.broadcast_to(np.uint8(0), (int(index.max()) + 1, int(dataset.Rows), int(dataset.Columns))),
        (float(column), float(row), step),
        tuple(float(v) for v in positions[first]),  # type: ignore[arg-type]
        np.stack([x, y, normal], axis=1),
        name=name,
    )
    return FrameGrid(_snapped(grid, image), tuple(int(k) for k in index))


def _step(
    depth: np.ndarray, first: Any, image: Volume | None, start: np.ndarray, normal: np.ndarray, name: str
) -> float:
    """The distance of neighbouring slices in mm; `first`: pixel measures; start, normal: where depth 0 lies."""
    gaps = np.diff(np.unique(np.round(depth, 3)))
    fits = lambda step: step > 0 and np.abs(depth / step - np.round(depth / step)).max() <= _OFF
    said, thickness = (float(first.get(k) or 0) for k in ("SpacingBetweenSlices", "SliceThickness"))
    of_image = _image_step(image, start, normal)
    own = [s for s in (said, of_image) if fits(s)]
    if own:
        return max(own)  # frames on every slice of a coarse stack fit a finer one as well
    if fits(thickness):
        return thickness
    if not gaps.size:
        raise GeometryError(f"{name} has one frame and does not say how far apart its slices are; export it again.")
    if fits(float(gaps.min())):
        return float(gaps.min())
    raise GeometryError(
        f"The frames of {name} are unevenly spaced ({gaps.min():.3g} to {gaps.max():.3g} mm); they make no volume."
    )


def _image_step(image: Volume | None, start: np.ndarray, normal: np.ndarray) -> float:
    """The image's slice distance when the frame at `start` lies in one of its slices; else 0."""
    if image is None or not image.has_geometry or not np.allclose(image.direction[:, 2], normal, atol=1e-3):
        return 0.0
    k = float((start - np.asarray(image.origin)) @ normal) / image.spacing[2]
    return image.spacing[2] if abs(k - round(k)) <= _OFF else 0.0


def _refined(depth: np.ndarray, step: float) -> float:
    """The distance that fits the frames best: headers round it, and over many slices the roundings add up."""
    index = np.round(depth / step)
    span = index.max() - index.min()
    return float((depth.max() - depth.min()) / span) if span else step


def _snapped(grid: Volume, image: Volume | None) -> Volume:
    """With the image's own spacing and direction where they agree but for rounding."""
    if image is None or not image.has_geometry or not np.allclose(image.direction, grid.direction, atol=1e-3):
        return grid
    if not np.allclose(image.spacing, grid.spacing, rtol=1e-3):
        return grid
    return replace(grid, spacing=image.spacing, direction=image.direction)
