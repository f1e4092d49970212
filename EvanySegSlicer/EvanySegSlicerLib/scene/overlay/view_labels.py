"""Corner annotation and legend as actors of one slice view: words on a dark ground, a coloured square before each.

Own actors, because DataProbe rewrites the corner annotations of desktop Slicer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evanyseg.overlay_codes import Color

from ..table.records import ScoreRecord
from .corner_annotation import annotation_text, row_color

if TYPE_CHECKING:
    from vtkmodules.vtkRenderingCore import vtkActor2D, vtkRenderer, vtkTextActor

Line = tuple[str, Color]

_FONT, _LINE, _PAD, _MARGIN = 14, 20, 6, 8
_RESERVED = 24
"""Pixels at the right that front ends use for a button."""
_NARROWEST = 100
"""Views without this much room are not laid out yet, or too small for words anyway."""


def annotation_lines(rows: Sequence[ScoreRecord]) -> list[Line]:
    """What `ViewLabels.show_annotation` takes: one line a segment, with the colour of its band."""
    return [(annotation_text(row), row_color(row)) for row in rows]


class ViewLabels:
    """The corner annotation (top left) and the legend (bottom right) in one renderer.

    Call `remove` before the view goes.
    """

    def __init__(self, renderer: vtkRenderer, below: int = 0) -> None:
        """below: pixels at the bottom that the front end uses itself."""
        self.renderer = renderer
        self._below = below
        self._annotation: list[vtkActor2D] = []
        self._legend: list[vtkActor2D] = []

    def show_annotation(self, lines: Sequence[Line]) -> None:
        """Replace the corner annotation; no lines: none."""
        self._annotation = self._replace(self._annotation, self._panel(lines, top_left=True))

    def show_legend(self, lines: Sequence[Line]) -> None:
        """Replace the legend (`evanyseg.overlay_codes.legend_entries`, `error_map.LEGEND`); no lines: none."""
        self._legend = self._replace(self._legend, self._panel(lines, top_left=False))

    def remove(self) -> None:
        self._annotation = self._replace(self._annotation, [])
        self._legend = self._replace(self._legend, [])

    def _replace(self, old: list[vtkActor2D], new: list[vtkActor2D]) -> list[vtkActor2D]:
        for actor in old:
            self.renderer.RemoveViewProp(actor)
        for actor in new:
            self.renderer.AddViewProp(actor)
        return new

    def _panel(self, lines: Sequence[Line], top_left: bool) -> list[vtkActor2D]:
        """A dark panel in its corner; stays there when the view is resized."""
        if not lines:
            return []
        texts = [self._fitting(text) for text, _ in lines]
        width = 2 * _PAD + _LINE + max(self._width(t) for t in texts)
        height = 2 * _PAD + _LINE * len(lines)
        corner = (0.0, 1.0) if top_left else (1.0, 0.0)
        left = _MARGIN if top_left else -_MARGIN - width
        bottom = -_MARGIN - height if top_left else _MARGIN + self._below
        actors: list[vtkActor2D] = [_rectangle(corner, left, bottom, width, height, (0.0, 0.0, 0.0), 0.6)]
        for number, ((_, color), text) in enumerate(zip(lines, texts, strict=True)):
            base = bottom + height - _PAD - _LINE * (number + 1)
            square = _FONT - 2
            actors.append(_rectangle(corner, left + _PAD, base + 3, square, square, color, 1.0))
            _anchor(text, corner, left + _PAD + _LINE, base + 4)
            actors.append(text)
        return actors

    def _fitting(self, words: str) -> vtkTextActor:
        """Cut with dots where the view is too narrow: the rest is said in the panel."""
        room = self.renderer.GetSize()[0] - 2 * (_PAD + _MARGIN) - _LINE - _RESERVED
        text = _text(words)
        while room > _NARROWEST and len(words) > 1 and self._width(text) > room:
            words = words[: min(len(words) - 1, len(words) * room // self._width(text))].rstrip(" .")
            text.SetInput(f"{words}...")
        return text

    def _width(self, text: vtkTextActor) -> int:
        box = [0.0, 0.0, 0.0, 0.0]
        text.GetBoundingBox(self.renderer, box)
        return int(box[1] - box[0])


def _text(words: str) -> vtkTextActor:
    import vtk

    actor = vtk.vtkTextActor()
    actor.SetInput(words)
    actor.PickableOff()
    style = actor.GetTextProperty()
    style.SetFontSize(_FONT)
    style.SetColor(1, 1, 1)
    style.SetVerticalJustificationToBottom()
    return actor


def _rectangle(
    corner: tuple[float, float], left: float, bottom: float, width: float, height: float, color: Color, opacity: float
) -> vtkActor2D:
    import vtk

    points = vtk.vtkPoints()
    for x, y in ((0, 0), (width, 0), (width, height), (0, height)):
        points.InsertNextPoint(x, y, 0)
    polygon = vtk.vtkCellArray()
    polygon.InsertNextCell(4, [0, 1, 2, 3])
    data = vtk.vtkPolyData()
    data.SetPoints(points)
    data.SetPolys(polygon)
    mapper = vtk.vtkPolyDataMapper2D()
    mapper.SetInputData(data)
    actor = vtk.vtkActor2D()
    actor.SetMapper(mapper)
    actor.PickableOff()
    actor.GetProperty().SetColor(*color)
    actor.GetProperty().SetOpacity(opacity)
    _anchor(actor, corner, left, bottom)
    return actor


def _anchor(actor: vtkActor2D, corner: tuple[float, float], dx: float, dy: float) -> None:
    """Pixels from a corner of the view."""
    import vtk

    reference = vtk.vtkCoordinate()
    reference.SetCoordinateSystemToNormalizedViewport()
    reference.SetValue(*corner, 0)
    position = actor.GetPositionCoordinate()
    position.SetReferenceCoordinate(reference)
    position.SetCoordinateSystemToViewport()
    position.SetValue(dx, dy, 0)
