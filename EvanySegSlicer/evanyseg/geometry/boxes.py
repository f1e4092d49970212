"""Boxes and points in the pixels of a slice: from places in the world, and from the frame that files are stored in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import Enum

import numpy as np

from ..errors import PromptError
from ..prompts import BoxPrompt, PointPrompt
from .plane_stack import PlaneStack
from .slice_plane import SlicePlane


class BoxFrame(str, Enum):
    """What x and y of a box are counted in; see the package. Every result is in the display frame."""

    DISPLAY = "display"
    FILE = "file"


REMEDY = (
    "say what they are counted in: 'display' (the slice as radiologists see it, as in the results of this version) or "
    "'file' (the file's own voxel order, as versions up to 0.1 took them), with --box-frame or in a column box_frame"
)


def stated_frame(frame: BoxFrame | None, stack: PlaneStack) -> BoxFrame:
    """The frame itself; the display frame where both are the same: 2D images, and single slices stored as displayed.

    Raises PromptError for a volume when none is stated: the two may be mirrored or transposed, and versions up to 0.1
    read the file frame, so that guessing would put a box somewhere else without a word.
    """
    if frame is None and stack.count == 1 and stack.plane(0).as_stored:
        return BoxFrame.DISPLAY
    if frame is None:
        name = stack.volume.name or "The image"
        raise PromptError(f"{name} is a volume and the frame of its box or points is not stated: {REMEDY}.")
    return frame


def displayed_box(box: BoxPrompt, plane: SlicePlane, frame: BoxFrame) -> BoxPrompt:
    """The same box in the display frame, exactly; it may reach beyond the slice, as it did.

    Raises PromptError for a box that is unusable on the slice, in the numbers that it was given in.
    """
    if frame is BoxFrame.DISPLAY:
        return box
    box.validated(file_shape(plane))
    xs, ys = _in_display_frame(plane, (box.x0, box.x1), (box.y0, box.y1))
    return BoxPrompt(xs[0], ys[0], xs[1], ys[1])


def displayed_points(points: Sequence[PointPrompt], plane: SlicePlane, frame: BoxFrame) -> list[PointPrompt]:
    """The same points in the display frame. Raises PromptError for one outside the slice, in its own numbers."""
    if frame is BoxFrame.DISPLAY:
        return list(points)
    height, width = plane.shape
    found = []
    for point in points:
        point.validated(file_shape(plane))
        (x, _), (y, _) = _in_display_frame(plane, (point.x, point.x), (point.y, point.y))
        # a click on the very edge of the first pixel stays on the slice when that becomes the last one
        found.append(PointPrompt(min(x, math.nextafter(width, 0)), min(y, math.nextafter(height, 0)), point.positive))
    return found


def file_shape(plane: SlicePlane) -> tuple[int, int]:
    """(H, W) of an aligned slice in the file frame."""
    return plane.shape if plane.row_axis > plane.col_axis else plane.shape[::-1]


def box_around(plane: SlicePlane, ras: np.ndarray) -> BoxPrompt:
    """The box around points [N, 3] in RAS, such as the corners drawn on a view that is turned against the pixels.

    Rounded to seven digits behind the point: matrix inverses leave noise that would make a 2-pixel box too small.
    Raises PromptError.
    """
    pixels = plane.to_pixels(ras)[:, :2]
    if not np.isfinite(pixels).all():
        raise PromptError("A corner of the box has a coordinate that is not a number; draw it again.")
    (x0, y0), (x1, y1) = pixels.min(axis=0).round(7), pixels.max(axis=0).round(7)
    return BoxPrompt(float(x0), float(y0), float(x1), float(y1)).validated(plane.shape)


Span = tuple[float, float]


def _in_display_frame(plane: SlicePlane, x: Span, y: Span) -> tuple[Span, Span]:
    """Spans along the file frame's axes as spans along the columns and rows of an aligned slice."""
    across, down = (x, y) if plane.row_axis > plane.col_axis else (y, x)
    height, width = plane.shape
    mirrored = lambda span, size: (size - span[1], size - span[0])
    return (
        mirrored(across, width) if plane.flip_cols else across,
        mirrored(down, height) if plane.flip_rows else down,
    )
