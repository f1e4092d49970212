"""trame-slicer's views as presenters want them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...presenters.view import SliceView as AnySliceView

if TYPE_CHECKING:
    from slicer import vtkMRMLSliceNode, vtkMRMLVolumeNode
    from trame_slicer.core import ViewManager
    from trame_slicer.views import SliceView as TrameSliceView
    from vtkmodules.vtkRenderingCore import vtkProp, vtkRenderer, vtkRenderWindowInteractor


class SliceView:
    """One of trame-slicer's slice views (`presenters.view.SliceView`)."""

    def __init__(self, view: TrameSliceView) -> None:
        self.view = view

    @property
    def name(self) -> str:
        return self.view.name

    @property
    def slice_node(self) -> vtkMRMLSliceNode:
        return self.view.get_view_node()

    @property
    def interactor(self) -> vtkRenderWindowInteractor:
        return self.view.interactor()

    @property
    def renderer(self) -> vtkRenderer:
        """The upper layer: the image lies in the lower one."""
        return self.view.renderers()[-1]

    def add_actor(self, actor: vtkProp) -> None:
        self.renderer.AddViewProp(actor)
        self.render()

    def remove_actor(self, actor: vtkProp) -> None:
        self.renderer.RemoveViewProp(actor)
        self.render()

    def render(self) -> None:
        self.view.schedule_render()

    def fit(self, volume: vtkMRMLVolumeNode) -> None:
        """The volume in the background, turned to its own planes, at its middle."""
        self.view.set_background_volume_id(volume.GetID())
        node = self.slice_node
        node.SetOrientationToDefault()
        node.RotateToVolumePlane(volume)
        self.view.fit_view_to_content()
        self.render()


class PageViews:
    """The slice views on the page (`presenters.view.SliceViews`)."""

    def __init__(self, manager: ViewManager) -> None:
        self._manager = manager
        self._known: dict[str, SliceView] = {}
        self._used = ""

    def all(self) -> list[SliceView]:
        for view in self._manager.get_slice_views():
            self._known.setdefault(view.name, SliceView(view))  # the same object each time: tools compare by identity
        return list(self._known.values())

    def active(self) -> SliceView | None:
        views = self.all()
        return next((view for view in views if view.name == self._used), views[0] if views else None)

    def used(self, view: AnySliceView) -> None:
        """The user has drawn here: this one is the active one from now on."""
        self._used = view.name

    def used_node(self, node: vtkMRMLSliceNode) -> None:
        """The same, of the view whose node this is."""
        self._used = next((view.name for view in self.all() if view.slice_node is node), self._used)

    def forget(self) -> None:
        """The scene goes: the first one is the active one."""
        self._used = ""
