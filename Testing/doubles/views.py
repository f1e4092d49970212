"""Slice views of a scene without a window, as a front end offers them to presenters (`presenters.view.SliceViews`)."""

from __future__ import annotations

from EvanySegSlicerLib.scene.headless import offscreen
from EvanySegSlicerLib.scene.headless.boot import HeadlessSlicer


class HeadlessView:
    """One slice view, drawn off-screen; counts how often it was asked to render. Needs OpenGL."""

    def __init__(self, core: HeadlessSlicer, name: str) -> None:
        self.name = name
        self.screen = offscreen.OffscreenSliceView(core, name, (300, 300))
        self.slice_node = self.screen.node
        self.renderer = self.screen.renderer
        self.rendered = 0

    def add_actor(self, actor) -> None:
        self.renderer.AddViewProp(actor)

    def remove_actor(self, actor) -> None:
        self.renderer.RemoveViewProp(actor)

    def render(self) -> None:
        self.rendered += 1

    @property
    def words(self) -> list[str]:
        """What is written in the view, line by line."""
        props = self.renderer.GetViewProps()
        actors = [props.GetItemAsObject(n) for n in range(props.GetNumberOfItems())]
        return [actor.GetInput() for actor in actors if actor.IsA("vtkTextActor") and actor.GetInput()]


class HeadlessViews:
    """Red, Green and Yellow; the last drawn on is active."""

    def __init__(self, core: HeadlessSlicer) -> None:
        self.of = {name: HeadlessView(core, name) for name in core.slice_logics}
        self.last = "Red"

    def all(self) -> list[HeadlessView]:
        return list(self.of.values())

    def active(self) -> HeadlessView:
        return self.of[self.last]

    def close(self) -> None:
        for view in self.all():
            view.screen.close()
