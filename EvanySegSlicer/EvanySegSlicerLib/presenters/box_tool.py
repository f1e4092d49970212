"""The box and point tool: a RubberBand that listens to every slice view. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .rubber_band import RubberBand
from .view import SliceView, SliceViews

if TYPE_CHECKING:
    from vtkmodules.vtkCommonCore import vtkObject
    from vtkmodules.vtkRenderingCore import vtkRenderWindowInteractor

EVENTS = (
    "LeftButtonPressEvent",
    "MouseMoveEvent",
    "LeftButtonReleaseEvent",
    "LeftButtonDoubleClickEvent",
    "KeyPressEvent",
)
ABOVE_THE_VIEW = 10.0
"""Priority over Slicer's own interactor style, which would scroll, pan or zoom."""


class BoxTool:
    """Feeds a RubberBand from every slice view while it is on; `stop()` leaves no observer and no actor behind."""

    def __init__(self, band: RubberBand, views: SliceViews) -> None:
        self.band = band
        self.views = views
        self._observed: list[tuple[vtkObject, int]] = []

    @property
    def on(self) -> bool:
        return bool(self._observed)

    def start(self, mode: str) -> None:
        """Listen, in a mode of `rubber_band`; switching modes drops a drag."""
        self.stop()
        self.band.mode = mode
        for view in self.views.all():
            for event in EVENTS:
                self._observe(view, event)
            node = view.slice_node
            tag = node.AddObserver("ModifiedEvent", lambda caller, name, view=view: self.band.view_changed(view))
            self._observed.append((node, tag))

    def stop(self) -> None:
        self.band.drop()
        for subject, tag in self._observed:
            subject.RemoveObserver(tag)
        self._observed = []

    def _observe(self, view: SliceView, event: str) -> None:
        interactor = view.interactor

        def on_event(caller: vtkRenderWindowInteractor, name: str) -> None:
            command = caller.GetCommand(tag)  # first: Esc may stop the tool and take the observer away
            if self.band.process(caller, name, view):
                command.SetAbortFlag(1)

        tag = interactor.AddObserver(event, on_event, ABOVE_THE_VIEW)  # type: ignore[arg-type]  # a name is right too
        self._observed.append((interactor, tag))
