"""Dragging a box, or clicking a point, on slice views: VTK events in, RAS corners out. No Qt.

Serves the module's own tool and the Segment Editor effect. Corners are kept in RAS, so that the box stays on the
object when the view is panned or zoomed while it is drawn; scrolling to another slice drops it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import vtk

from ..scene.nodes.matrices import matrix_array
from .view import SliceView

if TYPE_CHECKING:
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkRenderingCore import vtkActor2D, vtkRenderWindowInteractor

BOX, POSITIVE, NEGATIVE = "box", "positive", "negative"

SMALLEST_DRAG = 4
"""Screen pixels a side: less is a click that slipped, not a box."""

Corners = np.ndarray
"""[4, 3] RAS: the box's corners in turn."""


def outline_actor() -> tuple[vtkActor2D, vtkPoints]:
    """(2D actor, its points): a closed rectangle in display pixels."""
    points = vtk.vtkPoints()
    points.SetNumberOfPoints(4)
    lines = vtk.vtkCellArray()
    lines.InsertNextCell(5, (0, 1, 2, 3, 0))
    outline = vtk.vtkPolyData()
    outline.SetPoints(points)
    outline.SetLines(lines)
    mapper = vtk.vtkPolyDataMapper2D()
    mapper.SetInputData(outline)
    actor = vtk.vtkActor2D()
    actor.SetMapper(mapper)
    actor.GetProperty().SetColor(1, 1, 0)
    actor.GetProperty().SetLineWidth(2)
    return actor, points


@dataclass
class _Drag:
    view: SliceView
    start: np.ndarray
    end: np.ndarray
    slice_plane: np.ndarray
    actor: vtkActor2D
    points: vtkPoints


@dataclass
class RubberBand:
    """State of one tool over all slice views.

    on_box(view, corners [4, 3] RAS), on_point(view, ras [3], positive), on_cancel() after Esc without a drag,
    on_hint(sentence) when a drag was too small to mean anything, on_start(view) when one begins.
    """

    on_box: Callable[[SliceView, Corners], None]
    on_point: Callable[[SliceView, np.ndarray, bool], None] = lambda view, ras, positive: None
    on_cancel: Callable[[], None] = lambda: None
    on_hint: Callable[[str], None] = lambda sentence: None
    on_start: Callable[[SliceView], None] = lambda view: None
    mode: str = BOX
    enabled: bool = True
    _drag: _Drag | None = field(default=None, repr=False)
    _pressed: bool = field(default=False, repr=False)

    @property
    def dragging(self) -> bool:
        return self._drag is not None

    def process(self, interactor: vtkRenderWindowInteractor, event: str, view: SliceView) -> bool:
        """Handle one VTK event by name; True means: taken, nobody else should see it."""
        if event == "LeftButtonPressEvent":
            return self._press(interactor, view)
        if event == "MouseMoveEvent":
            return self._move(interactor, view)
        if event == "LeftButtonReleaseEvent":
            return self._release(interactor, view)
        if event == "LeftButtonDoubleClickEvent":
            return self.enabled  # would maximise the view in the middle of drawing
        if event == "KeyPressEvent" and interactor.GetKeySym() == "Escape":
            self.escape()
            return True
        return False

    def escape(self) -> None:
        """Drop the drag; without one, leave the tool."""
        if self._drag is not None:
            self.drop()
        else:
            self.on_cancel()

    def view_changed(self, view: SliceView) -> None:
        """The view was panned, zoomed, scrolled or turned."""
        drag = self._drag
        if drag is None or drag.view is not view:
            return
        if not np.allclose(_plane(view), drag.slice_plane, atol=1e-3):
            self.drop()
        else:
            self._place()

    def drop(self) -> None:
        """Forget the drag and take its actor away."""
        drag, self._drag = self._drag, None
        if drag is not None:
            drag.view.remove_actor(drag.actor)
            drag.view.render()

    def _press(self, interactor: vtkRenderWindowInteractor, view: SliceView) -> bool:
        if not self.enabled or with_modifier(interactor):
            return False
        if self._drag is not None:  # a release got lost
            self.drop()
        self._pressed = True
        at = _ras(interactor, view)
        if self.mode == BOX:
            actor, points = outline_actor()
            self._drag = _Drag(view, at, at, _plane(view), actor, points)
            self._place()
            view.add_actor(actor)
        self.on_start(view)
        return True

    def _move(self, interactor: vtkRenderWindowInteractor, view: SliceView) -> bool:
        if self._drag is None or self._drag.view is not view:
            return False
        self._drag.end = _ras(interactor, view)
        self._place()
        view.render()
        return True

    def _release(self, interactor: vtkRenderWindowInteractor, view: SliceView) -> bool:
        pressed, self._pressed = self._pressed, False
        if not pressed:
            return False
        if self.mode != BOX:
            if self.enabled:
                self.on_point(view, _ras(interactor, view), self.mode == POSITIVE)
            return True
        drag = self._drag
        if drag is None:  # dropped by Esc or by scrolling
            return True
        drag.end = _ras(interactor, view)
        corners = self._corners(drag)
        self.drop()
        xy = _to_display(view, corners)
        if np.ptp(xy[:, :2], axis=0).min() < SMALLEST_DRAG:
            self.on_hint("That was too small for a box: press, drag over the object, release.")
        else:
            self.on_box(view, corners)
        return True

    def _corners(self, drag: _Drag) -> Corners:
        """The rectangle that is upright on the screen, between the two dragged points."""
        (x0, y0), (x1, y1) = _to_display(drag.view, np.array([drag.start, drag.end]))[:, :2]
        display = np.array([[x0, y0, 0, 1], [x1, y0, 0, 1], [x1, y1, 0, 1], [x0, y1, 0, 1]], float)
        return (display @ matrix_array(drag.view.slice_node.GetXYToRAS()).T)[:, :3]

    def _place(self) -> None:
        assert self._drag is not None
        for number, (x, y, _) in enumerate(_to_display(self._drag.view, self._corners(self._drag))):
            self._drag.points.SetPoint(number, x, y, 0)
        self._drag.points.Modified()


def with_modifier(interactor: vtkRenderWindowInteractor) -> bool:
    """Whether a key is held that makes a drag the view's own: panning, blending, the crosshair."""
    return bool(interactor.GetShiftKey() or interactor.GetControlKey() or interactor.GetAltKey())


def _ras(interactor: vtkRenderWindowInteractor, view: SliceView) -> np.ndarray:
    x, y = interactor.GetEventPosition()
    return (matrix_array(view.slice_node.GetXYToRAS()) @ [x, y, 0, 1])[:3]


def _to_display(view: SliceView, ras: np.ndarray) -> np.ndarray:
    inverse = np.linalg.inv(matrix_array(view.slice_node.GetXYToRAS()))
    return ras @ inverse[:3, :3].T + inverse[:3, 3]


def _plane(view: SliceView) -> np.ndarray:
    """Unit normal and offset of the slice [4]: what scrolling and turning change, panning and zooming do not."""
    matrix = matrix_array(view.slice_node.GetSliceToRAS())
    normal = matrix[:3, 2] / np.linalg.norm(matrix[:3, 2])
    return np.append(normal, normal @ matrix[:3, 3])
