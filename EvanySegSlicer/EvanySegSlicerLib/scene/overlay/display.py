"""The node behind the quality overlay, and what it pushes aside: foreground volume, its opacity, the segments' fill."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evanyseg.bands import BandThresholds
from evanyseg.overlay_codes import band_of_code

from ..nodes.session_node import SessionNode
from .code_volume import (
    CODES,
    color_codes,
    give_voxels,
    make_code_volume,
    remove_code_volume,
    restore_foreground,
    slice_composites,
)
from .displaced import Displaced, Foreground

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLScene, vtkMRMLSegmentationNode, vtkMRMLVolumeNode

NAME = "EvanySeg quality"


class OverlayDisplay:
    """Makes, colours, shows and removes a code volume; remembers what was there in the session node, so that it can be
    put back even after a scene was saved and loaded with the overlay on."""

    def __init__(self, session: SessionNode, opacity: float = 0.35) -> None:
        self.session = session
        self.opacity = opacity

    @property
    def scene(self) -> vtkMRMLScene | None:
        return self.session.node.GetScene()

    def make_volume(
        self, volume: vtkMRMLVolumeNode, dims: tuple[int, int, int]
    ) -> tuple[vtkMRMLScalarVolumeNode, np.ndarray]:
        """(node, its voxels [K, J, I] as a view)."""
        node = make_code_volume(volume.GetScene(), NAME)
        codes = give_voxels(node, dims)
        self.place(node, volume)
        self.session.set("overlay_volume", node.GetID())
        return node, codes

    def place(self, node: vtkMRMLScalarVolumeNode, volume: vtkMRMLVolumeNode) -> None:
        """The volume's geometry and parent transform."""
        import vtk

        matrix, own = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
        volume.GetIJKToRASMatrix(matrix)
        node.GetIJKToRASMatrix(own)
        if any(abs(matrix.GetElement(r, c) - own.GetElement(r, c)) > 1e-9 for r in range(3) for c in range(4)):
            node.SetIJKToRASMatrix(matrix)
        if node.GetTransformNodeID() != volume.GetTransformNodeID():
            node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())

    def color(self, node: vtkMRMLScalarVolumeNode, table: np.ndarray, thresholds: BandThresholds) -> None:
        """RGBA float [256, 4]; every code is called by its band."""
        color_codes(node, table, [band_of_code(code, thresholds) or "outside" for code in range(CODES)])

    def show(self, node: vtkMRMLScalarVolumeNode, segmentation: vtkMRMLSegmentationNode) -> None:
        """Foreground of every slice view; the segments keep their outline and lose their fill meanwhile."""
        displaced = self._displaced
        for view in slice_composites(node.GetScene()):
            if view.GetForegroundVolumeID() == node.GetID():
                continue
            shown = Foreground(view.GetLayoutName(), view.GetForegroundVolumeID() or "", view.GetForegroundOpacity())
            displaced.views.setdefault(view.GetID(), shown)
            view.SetForegroundVolumeID(node.GetID())
            view.SetForegroundOpacity(self.opacity)
        display = segmentation.GetDisplayNode()
        if display is not None and not displaced.segmentation:
            displaced.segmentation = segmentation.GetID()
            displaced.fill = bool(display.GetVisibility2DFill())
            displaced.outline = bool(display.GetVisibility2DOutline())
            display.SetVisibility2DFill(False)
            display.SetVisibility2DOutline(True)
        self.session.set("displaced", displaced.text())

    def remove(self, node: vtkMRMLScalarVolumeNode | None) -> None:
        """Delete the overlay's nodes and put back what they displaced, as far as it still exists."""
        scene = self.scene
        if scene is None:
            return
        displaced = self._displaced
        for view in slice_composites(scene):
            before = displaced.views.get(view.GetID())
            if before is not None:
                restore_foreground(view, node.GetID() if node is not None else None, before.volume, before.opacity)
        segmentation = scene.GetNodeByID(displaced.segmentation) if displaced.segmentation else None
        if segmentation is not None and segmentation.GetDisplayNode() is not None:
            segmentation.GetDisplayNode().SetVisibility2DFill(displaced.fill)
            segmentation.GetDisplayNode().SetVisibility2DOutline(displaced.outline)
        self.session.set("displaced", "")
        self.session.set("overlay_volume", "")
        remove_code_volume(node)

    @property
    def _displaced(self) -> Displaced:
        return Displaced.of_text(self.session.read().displaced)
