"""The nodes behind the overlay, and what it pushes aside: foreground volume, its opacity, the segments' fill."""

from __future__ import annotations

from typing import Any

import numpy as np

from evanyseg.bands import BandThresholds
from evanyseg.overlay_codes import band_of_code

from ..nodes.session_node import SessionNode

DERIVED = "EvanySeg.Derived"
"""Attribute of every node that is made from scores and may be deleted without loss."""

NAME = "EvanySeg quality"


class OverlayDisplay:
    """Makes, colours, shows and removes a code volume; remembers what was there in the session node, so that it can be
    put back even after a scene was saved and loaded with the overlay on."""

    def __init__(self, session: SessionNode, opacity: float = 0.35) -> None:
        self.session = session
        self.opacity = opacity

    @property
    def scene(self) -> Any:
        return self.session.node.GetScene()

    def make_volume(self, volume: Any, dims: tuple[int, int, int]) -> tuple[Any, np.ndarray]:
        """(node, its voxels [K, J, I] as a view), hidden from node lists and not saved."""
        import slicer

        node = slicer.vtkMRMLScalarVolumeNode()
        node.SetName(NAME)
        derived(node)
        node = self.scene.AddNode(node)
        codes = self.resize(node, dims)
        display = slicer.vtkMRMLScalarVolumeDisplayNode()
        display.SetName(f"{NAME} display")
        derived(display)
        display = self.scene.AddNode(display)
        colors = slicer.vtkMRMLColorTableNode()
        colors.SetName(f"{NAME} colors")
        derived(colors)
        colors = self.scene.AddNode(colors)
        colors.SetTypeToUser()
        colors.SetNumberOfColors(256)
        display.SetAndObserveColorNodeID(colors.GetID())
        display.SetInterpolate(False)
        display.AutoWindowLevelOff()
        display.SetWindowLevelMinMax(0, 255)
        display.SetLowerThreshold(1)
        display.SetUpperThreshold(255)
        display.SetApplyThreshold(True)
        node.SetAndObserveDisplayNodeID(display.GetID())
        self.place(node, volume)
        self.session.set("overlay_volume", node.GetID())
        return node, codes

    def resize(self, node: Any, dims: tuple[int, int, int]) -> np.ndarray:
        import vtk
        from vtk.util.numpy_support import vtk_to_numpy

        image = vtk.vtkImageData()
        image.SetDimensions(*dims)
        image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
        codes = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(dims[::-1])
        codes[...] = 0
        node.SetAndObserveImageData(image)
        return codes

    def place(self, node: Any, volume: Any) -> None:
        """The volume's geometry and parent transform."""
        import vtk

        matrix, own = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
        volume.GetIJKToRASMatrix(matrix)
        node.GetIJKToRASMatrix(own)
        if any(abs(matrix.GetElement(r, c) - own.GetElement(r, c)) > 1e-9 for r in range(3) for c in range(4)):
            node.SetIJKToRASMatrix(matrix)
        if node.GetTransformNodeID() != volume.GetTransformNodeID():
            node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())

    def color(self, node: Any, table: np.ndarray, thresholds: BandThresholds) -> None:
        colors = node.GetDisplayNode().GetColorNode()
        was = colors.StartModify()
        for code, rgba in enumerate(table):
            colors.SetColor(code, *(float(v) for v in rgba))
            colors.SetColorName(code, band_of_code(code, thresholds) or "outside")
        colors.EndModify(was)

    def show(self, node: Any, segmentation: Any) -> None:
        """Foreground of every slice view; the segments keep their outline and lose their fill meanwhile."""
        displaced = self.session.displaced
        views = displaced.setdefault("views", {})
        for view in self._views():
            if view.GetForegroundVolumeID() == node.GetID():
                continue
            if view.GetID() not in views:
                views[view.GetID()] = {
                    "name": view.GetLayoutName(),
                    "volume": view.GetForegroundVolumeID() or "",
                    "opacity": view.GetForegroundOpacity(),
                }
            view.SetForegroundVolumeID(node.GetID())
            view.SetForegroundOpacity(self.opacity)
        display = segmentation.GetDisplayNode()
        if display is not None and "fill" not in displaced:
            displaced["segmentation"] = segmentation.GetID()
            displaced["fill"] = bool(display.GetVisibility2DFill())
            displaced["outline"] = bool(display.GetVisibility2DOutline())
            display.SetVisibility2DFill(False)
            display.SetVisibility2DOutline(True)
        self.session.displaced = displaced

    def remove(self, node: Any | None) -> None:
        """Delete the overlay's nodes and put back what they displaced, as far as it still exists."""
        scene = self.scene
        if scene is None:
            return
        displaced = self.session.displaced
        ours = node.GetID() if node is not None else None
        for view in self._views():
            before = displaced.get("views", {}).get(view.GetID())
            # a foreground that the user chose meanwhile stays
            if before is not None and view.GetForegroundVolumeID() in (ours, None):
                exists = before["volume"] and scene.GetNodeByID(before["volume"]) is not None
                view.SetForegroundVolumeID(before["volume"] if exists else None)
                view.SetForegroundOpacity(before["opacity"])
        segmentation = scene.GetNodeByID(displaced.get("segmentation", "") or "none")
        if segmentation is not None and segmentation.GetDisplayNode() is not None and "fill" in displaced:
            segmentation.GetDisplayNode().SetVisibility2DFill(displaced["fill"])
            segmentation.GetDisplayNode().SetVisibility2DOutline(displaced["outline"])
        self.session.displaced = {}
        self.session.set("overlay_volume", "")
        if node is not None and node.GetScene() is not None:
            display = node.GetDisplayNode()
            for part in (display.GetColorNode() if display is not None else None, display, node):
                if part is not None:
                    scene.RemoveNode(part)

    def _views(self) -> list[Any]:
        scene = self.scene
        count = scene.GetNumberOfNodesByClass("vtkMRMLSliceCompositeNode")
        return [scene.GetNthNodeByClass(n, "vtkMRMLSliceCompositeNode") for n in range(count)]


def derived(node: Any) -> None:
    """Mark a node as made from scores: hidden from selectors, not saved, safe to delete."""
    node.SetAttribute(DERIVED, "1")
    node.SetSaveWithScene(False)
    node.SetHideFromEditors(True)
