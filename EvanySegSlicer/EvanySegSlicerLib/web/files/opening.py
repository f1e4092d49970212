"""Volumes, segmentations and sessions come into the scene; files are read on a thread, nodes made on the main one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.errors import EvanySegError
from evanyseg.geometry.anatomy import LPS_TO_RAS
from evanyseg.geometry.placement import placement_of
from evanyseg.geometry.volume import Volume
from evanyseg.io.dicom.headers import read_header
from evanyseg.io.dicom.masks import ReadImage
from evanyseg.io.read import read_image, read_segmentation
from evanyseg.io.segmentation import Segmentation

from ...presenters.front_end import Presenters
from ...scene.headless.bundle import unpacked_bundle
from ...scene.headless.scene_files import load_unpacked
from ...scene.nodes.add_volume import add_volume
from ...scene.nodes.doubts import keep_doubts
from ...scene.nodes.session_node import SessionNode
from ..views.slice_views import PageViews

if TYPE_CHECKING:
    from slicer import vtkMRMLScene, vtkMRMLVolumeNode


class Opener:
    """Replaces what the scene holds. `leave()` lets go of the old scene (tools, jobs, labels) before it goes;
    `entered()` is called when the new one is bound. `dicom`: the series that the open volume came from."""

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
        self.dicom: Path | None = None

    async def volume(self, path: Path, name: str = "", masks: Path | None = None) -> str:
        """A new scene with this image and, as segments, existing masks on it; returns what was assumed or left out.
        Raises ImageError, GeometryError; the old scene stays then."""
        volume, segmentation = await asyncio.to_thread(_read, path, masks)
        is_dicom = await asyncio.to_thread(lambda: path.is_dir() or read_header(path) is not None)
        self._leave()
        self.scene.Clear(0)
        node = add_volume(self.scene, volume)
        node.SetName(name or volume.name or path.name)
        session = SessionNode.of_scene(self.scene)
        session.set("volume", node.GetID())
        self.dicom = path if is_dicom else None
        self._enter(session, node)
        if segmentation is not None:
            self._add(segmentation)
        return _notes(volume, segmentation)

    async def masks(self, path: Path) -> tuple[int, str]:
        """Existing masks on the open volume, as further segments: how many, and what reading them cost. Raises
        ImageError, GeometryError."""
        review = self.presenters.controller.require()
        node, snapshot = review.volume, review.reader.snapshot()
        grid = placement_of(LPS_TO_RAS @ snapshot.ijk_to_ras, snapshot.name).volume(snapshot.array, name=snapshot.name)
        segmentation = await asyncio.to_thread(_read_masks, path, ReadImage(grid, self.dicom or path))
        if self.presenters.controller.require().volume is not node:
            raise EvanySegError("Another volume was opened meanwhile; the masks were dropped.")
        self._add(segmentation)
        return len(segmentation.segments), _notes(None, segmentation)

    def _add(self, segmentation: Segmentation) -> None:
        """Its segments, on the open volume's voxels, into the open segmentation."""
        review = self.presenters.controller.require()
        for segment in segmentation.segments:
            segment_id = review.store.add(segment.name)
            keep_doubts(review.store.segmentation.GetSegment(segment_id), segmentation.caveats_of(segment))
            mask = segmentation.mask(segment)
            for index in np.flatnonzero(mask.any(axis=(1, 2))):
                plane = review.reader.plane(2, int(index))
                review.store.write(segment_id, plane, plane.take(mask), review.volume)
        review.changed([])

    async def session(self, path: Path) -> None:
        """A scene saved here or by desktop Slicer, checked before anything of it is loaded. Raises EvanySegError; the
        old scene stays when the file was refused."""
        with ExitStack() as kept:
            mrml = await asyncio.to_thread(lambda: kept.enter_context(unpacked_bundle(path)))
            self._leave()
            self.dicom = None
            load_unpacked(self.scene, mrml, path)
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


def _read(path: Path, masks: Path | None) -> tuple[Volume, Segmentation | None]:
    """On a thread."""
    volume = read_image(path)
    return volume, _read_masks(masks, ReadImage(volume, path)) if masks is not None else None


def _read_masks(path: Path, image: ReadImage) -> Segmentation:
    """On a thread. The image's own file is looked at, for masks that say which one they were made on."""
    return read_segmentation(path, image=image).on_grid_of(image.volume)


def _notes(volume: Volume | None, segmentation: Segmentation | None) -> str:
    """Sentences for the status line, each after a space."""
    said = list(volume.source.remarks) if volume is not None else []
    if segmentation is not None:
        said += [*segmentation.remarks, *(f"{c[:1].upper()}{c[1:]}." for c in segmentation.all_caveats)]
    return "".join(f" {text}" for text in dict.fromkeys(said))
