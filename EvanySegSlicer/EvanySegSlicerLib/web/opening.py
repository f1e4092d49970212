"""Volumes, segmentations and sessions come into the scene; files are read on a thread, nodes made on the main one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from evanyseg.errors import EvanySegError
from evanyseg.io.read import read_image

from ..presenters.front_end import Presenters
from ..scene.headless.scene_files import load_mrb
from ..scene.nodes.add_volume import add_volume
from ..scene.nodes.session_node import SessionNode
from .views.slice_views import PageViews

if TYPE_CHECKING:
    from slicer import vtkMRMLScene, vtkMRMLVolumeNode


class Opener:
    """Replaces what the scene holds. `leave()` lets go of the old scene (tools, jobs, labels) before it goes;
    `entered()` is called when the new one is bound."""

    def __init__(
        self,
        scene: vtkMRMLScene,
        presenters: Presenters,
        views: PageViews,
        leave: Callable[[], None],
        entered: Callable[[], None],
    ) -> None:
        self.scene, self.presenters, self.views = scene, presenters, views
        self._leave, self._entered = leave, entered

    async def volume(self, path: Path, name: str = "") -> None:
        """A new scene with this image. Raises ImageError, GeometryError; the old scene stays then."""
        volume = await asyncio.to_thread(read_image, path)
        self._leave()
        self.scene.Clear(0)
        node = add_volume(self.scene, volume)
        node.SetName(name or volume.name or path.name)
        session = SessionNode.of_scene(self.scene)
        session.set("volume", node.GetID())
        self._enter(session, node)

    async def segmentation(self, path: Path) -> None:
        """Masks on the open volume, as a segmentation of their own. Raises ImageError, GeometryError."""
        raise EvanySegError(f"{path.name}: opening masks is not done yet.")

    def session(self, path: Path) -> None:
        """A scene saved here or by desktop Slicer. Raises EvanySegError; the scene is empty then."""
        self._leave()
        load_mrb(self.scene, path)
        session = SessionNode.of_scene(self.scene)
        volume = session.node.GetNodeReference("volume") or self.scene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
        if volume is None:
            raise EvanySegError(f"{path.name} holds no volume.")
        session.set("volume", volume.GetID())
        self._enter(session, volume)

    def _enter(self, session: SessionNode, volume: vtkMRMLVolumeNode) -> None:
        for view in self.views.all():
            view.fit(volume)
        self.presenters.bind(session)
        try:
            self.presenters.controller.require()
        finally:
            self._entered()
