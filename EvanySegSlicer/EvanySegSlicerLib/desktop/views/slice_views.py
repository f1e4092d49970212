"""The desktop's slice views as presenters want them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import slicer

from ...presenters.view import SliceView as AnySliceView

if TYPE_CHECKING:
    from slicer import qMRMLSliceWidget, vtkMRMLSliceNode
    from vtkmodules.vtkRenderingCore import vtkProp, vtkRenderer, vtkRenderWindowInteractor


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
