"""Boxes and points that a user gives with an image, in the pixels that the models see."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import EvanySegError, PromptError
from ...geometry.boxes import BoxFrame, displayed_box, displayed_points, stated_frame
from ...geometry.plane_stack import PlaneStack, stack_of
from ...geometry.volume import Volume
from ...prompts import BoxPrompt, PointPrompt


def shown_box(
    volume: Volume, axis: str | None, index: int | None, box: BoxPrompt | None, frame: BoxFrame | None
) -> BoxPrompt | None:
    """The box in the display frame of the only slice, or of slice `index`. Raises PromptError, GeometryError."""
    planes = stack_of(volume, axis)
    if box is not None and index is None and planes.count > 1:
        raise PromptError("A box belongs to one slice; name that slice with --slice.")
    return shown_prompts(planes, index or 0, box, (), frame)[0]


def shown_prompts(
    planes: PlaneStack, index: int, box: BoxPrompt | None, points: Sequence[PointPrompt], frame: BoxFrame | None
) -> tuple[BoxPrompt | None, list[PointPrompt]]:
    """Box and points in the display frame of slice `index`. Raises PromptError for what cannot be used there."""
    if box is None and not points:
        return None, []
    frame = stated_frame(frame, planes)
    plane = planes.plane(index)
    shown = displayed_box(box, plane, frame) if box is not None else None
    if shown is not None:
        shown.validated(plane.shape)
    return shown, [p.validated(plane.shape) for p in displayed_points(points, plane, frame)]


def points_of(texts: Sequence[str]) -> list[PointPrompt]:
    """Points as a user writes them: X,Y or X,Y,- for a place that is not in the object. Raises EvanySegError."""
    return [_point(text) for text in texts]


def _point(text: str) -> PointPrompt:
    parts = [p.strip() for p in text.split(",")]
    try:
        if len(parts) not in (2, 3) or (len(parts) == 3 and parts[2] not in "+-"):
            raise ValueError
        return PointPrompt(float(parts[0]), float(parts[1]), parts[-1] != "-")
    except ValueError:
        raise EvanySegError(f"'{text}' is no point; write X,Y or X,Y,- in pixels, for example 120,88.") from None
