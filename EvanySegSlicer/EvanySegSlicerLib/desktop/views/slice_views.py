"""The desktop's slice views as presenters want them, and the tool that listens to all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import slicer

from ...presenters.rubber_band import RubberBand
from ...presenters.view import SliceView as AnySliceView

if TYPE_CHECKING:
    from slicer import qMRMLSliceWidget, vtkMRMLSliceNode
    from vtkmodules.vtkCommonCore import vtkObject
    from vtkmodules.vtkRenderingCore import vtkProp, vtkRenderer, vtkRenderWindowInteractor

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

    def __init__(self, widget: qMRMLSliceWidget) -> None:
        self.widget = widget

    @property
    def name(self) -> str:
        return self.slice_node.GetLayoutName()

    @property
    def slice_node(self) -> vtkMRMLSliceNode:
        return self.widget.mrmlSliceNode()

    @property
    def interactor(self) -> vtkRenderWindowInteractor:
        return self.widget.sliceView().renderWindow().GetInteractor()

    @property
    def renderer(self) -> vtkRenderer:
        return self.widget.sliceView().renderWindow().GetRenderers().GetItemAsObject(0)

    def add_actor(self, actor: vtkProp) -> None:
        self.renderer.AddViewProp(actor)
        self.render()

    def remove_actor(self, actor: vtkProp) -> None:
        self.renderer.RemoveViewProp(actor)
        self.render()

    def render(self) -> None:
        self.widget.sliceView().scheduleRender()


class LayoutViews:
    """The slice views of the current layout (`presenters.view.SliceViews`)."""

    def __init__(self) -> None:
        self._used = ""

    def all(self) -> list[SliceView]:
        manager = slicer.app.layoutManager()
        if manager is None:  # Slicer runs without a main window
            return []
        widgets = [manager.sliceWidget(name) for name in manager.sliceViewNames()]
        return [SliceView(widget) for widget in widgets if widget is not None]

    def active(self) -> SliceView | None:
        views = self.all()
        return next((view for view in views if view.name == self._used), views[0] if views else None)

    def used(self, view: AnySliceView) -> None:
        """The user has drawn here: this one is the active one from now on."""
        self._used = view.name

    def forget(self) -> None:
        """The scene goes: the first one is the active one."""
        self._used = ""


class BoxTool:
    """Feeds a RubberBand from every slice view while it is on; `stop()` leaves no observer and no actor behind."""

    def __init__(self, band: RubberBand, views: LayoutViews) -> None:
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
