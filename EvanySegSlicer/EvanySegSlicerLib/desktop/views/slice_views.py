"""The desktop's slice views as the scene layer's tools want them, and the tool that listens to all of them."""

from __future__ import annotations

from typing import Any

import slicer

from ...presenters.rubber_band import RubberBand

EVENTS = (
    "LeftButtonPressEvent",
    "MouseMoveEvent",
    "LeftButtonReleaseEvent",
    "LeftButtonDoubleClickEvent",
    "KeyPressEvent",
)
ABOVE_THE_VIEW = 10.0
"""Priority over Slicer's own interactor style, which would scroll, pan or zoom."""


class SliceView:
    """One qMRMLSliceWidget."""

    def __init__(self, widget: Any) -> None:
        self.widget = widget

    @property
    def name(self) -> str:
        return self.slice_node.GetLayoutName()

    @property
    def slice_node(self) -> Any:
        return self.widget.mrmlSliceNode()

    @property
    def interactor(self) -> Any:
        return self.widget.sliceView().renderWindow().GetInteractor()

    @property
    def renderer(self) -> Any:
        return self.widget.sliceView().renderWindow().GetRenderers().GetItemAsObject(0)

    def add_actor(self, actor: Any) -> None:
        self.renderer.AddViewProp(actor)
        self.render()

    def remove_actor(self, actor: Any) -> None:
        self.renderer.RemoveViewProp(actor)
        self.render()

    def render(self) -> None:
        self.widget.sliceView().scheduleRender()


def all_views() -> list[SliceView]:
    """The slice views of the current layout."""
    manager = slicer.app.layoutManager()
    if manager is None:  # Slicer runs without a main window
        return []
    widgets = [manager.sliceWidget(name) for name in manager.sliceViewNames()]
    return [SliceView(widget) for widget in widgets if widget is not None]


class BoxTool:
    """Feeds a RubberBand from every slice view while it is on; `stop()` leaves no observer and no actor behind."""

    def __init__(self, band: RubberBand) -> None:
        self.band = band
        self._observed: list[tuple[Any, int]] = []

    @property
    def on(self) -> bool:
        return bool(self._observed)

    def start(self, mode: str) -> None:
        """Listen, in a mode of `rubber_band`; switching modes drops a drag."""
        self.stop()
        self.band.mode = mode
        for view in all_views():
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

        def on_event(caller: Any, name: str) -> None:
            command = caller.GetCommand(tag)  # first: Esc may stop the tool and take the observer away
            if self.band.process(caller, name, view):
                command.SetAbortFlag(1)

        tag = interactor.AddObserver(event, on_event, ABOVE_THE_VIEW)
        self._observed.append((interactor, tag))
