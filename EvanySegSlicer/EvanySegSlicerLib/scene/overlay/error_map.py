"""Where a mask is probably wrong: false positive and false negative probabilities of one slice, in its foreground.

A derived volume of one slice's thickness on the slice's own pixels, so that it lies exactly on the image, also for
oblique slices. Codes 1..100: a pixel of the mask is wrong with that percentage; 101..200: a pixel outside is missing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.results import QualityEstimate

from ..nodes.session_node import SessionNode
from .display import derived

NAME = "EvanySeg error map"
FALSE_POSITIVE_COLOR, FALSE_POSITIVE_WORD = (0.8, 0.0, 0.5), "magenta"
FALSE_NEGATIVE_COLOR, FALSE_NEGATIVE_WORD = (0.0, 0.75, 0.85), "cyan"
LEGEND = [("probably too much", FALSE_POSITIVE_COLOR), ("probably missing", FALSE_NEGATIVE_COLOR)]
"""For `ViewLabels.show_legend`, in place of the bands' (whose pink of edited slices looks like the magenta)."""

IN_WORDS = (
    f"{FALSE_POSITIVE_WORD.capitalize()}: probably too much. {FALSE_NEGATIVE_WORD.capitalize()}: probably missing."
)

FLOOR = 0.05
"""Probabilities below this stay transparent: they would only tint the whole slice."""


def error_codes(estimate: QualityEstimate) -> np.ndarray | None:
    """uint8 [H, W], the larger of the two wins; None when the estimate has no maps."""
    if estimate.false_positive is None or estimate.false_negative is None:
        return None
    wrong, missing = (np.nan_to_num(m, nan=0.0) for m in (estimate.false_positive, estimate.false_negative))
    code = np.where(missing > wrong, 100 + np.rint(100 * missing.clip(0, 1)), np.rint(100 * wrong.clip(0, 1)))
    return np.where(np.maximum(wrong, missing) >= FLOOR, code, 0).astype(np.uint8)


class ErrorMapOverlay:
    """Shows one slice's error map before everything else; `remove` puts back what was in the foreground."""

    def __init__(self, session: SessionNode, opacity: float = 0.6) -> None:
        self.session = session
        self.opacity = opacity
        self._node: Any | None = None
        self._before: dict[str, tuple[str, float]] = {}

    @property
    def shown(self) -> bool:
        return self._node is not None and self._node.GetScene() is not None

    @property
    def node(self) -> Any | None:
        return self._node if self.shown else None

    def show(self, plane: SlicePlane, estimate: QualityEstimate) -> bool:
        """Show the maps of `estimate`, made on `plane`; False (and nothing shown) when it has none."""
        codes = error_codes(estimate)
        if codes is None:
            self.remove()
            return False
        if not self.shown:
            self._make()
        self._fill(plane, codes)
        for view in self._views():
            if view.GetForegroundVolumeID() == self._node.GetID():  # type: ignore[union-attr]
                continue
            self._before[view.GetID()] = (view.GetForegroundVolumeID() or "", view.GetForegroundOpacity())
            view.SetForegroundVolumeID(self._node.GetID())  # type: ignore[union-attr]
            view.SetForegroundOpacity(self.opacity)
        return True

    def remove(self) -> None:
        scene = self.session.node.GetScene()
        if self._node is None or scene is None:
            self._node = None
            return
        for view in self._views():
            volume, opacity = self._before.get(view.GetID(), ("", 0.0))
            if view.GetID() in self._before and view.GetForegroundVolumeID() in (self._node.GetID(), None):
                view.SetForegroundVolumeID(volume if volume and scene.GetNodeByID(volume) is not None else None)
                view.SetForegroundOpacity(opacity)
        if self._node.GetScene() is not None:
            display = self._node.GetDisplayNode()
            for part in (display.GetColorNode() if display is not None else None, display, self._node):
                if part is not None:
                    scene.RemoveNode(part)
        self._node = None
        self._before.clear()

    def _make(self) -> None:
        import slicer

        scene = self.session.node.GetScene()
        colors = slicer.vtkMRMLColorTableNode()
        colors.SetName(f"{NAME} colors")
        derived(colors)
        colors = scene.AddNode(colors)
        colors.SetTypeToUser()
        colors.SetNumberOfColors(256)
        for code in range(256):
            color = FALSE_POSITIVE_COLOR if code <= 100 else FALSE_NEGATIVE_COLOR
            share = (code if code <= 100 else code - 100) / 100
            colors.SetColor(code, *color, min(1.0, share) if 0 < code <= 200 else 0.0)
        display = slicer.vtkMRMLScalarVolumeDisplayNode()
        display.SetName(f"{NAME} display")
        derived(display)
        display = scene.AddNode(display)
        display.SetAndObserveColorNodeID(colors.GetID())
        display.SetInterpolate(False)
        display.AutoWindowLevelOff()
        display.SetWindowLevelMinMax(0, 255)
        display.SetLowerThreshold(1)
        display.SetUpperThreshold(255)
        display.SetApplyThreshold(True)
        node = slicer.vtkMRMLScalarVolumeNode()
        node.SetName(NAME)
        derived(node)
        self._node = scene.AddNode(node)
        self._node.SetAndObserveDisplayNodeID(display.GetID())

    def _fill(self, plane: SlicePlane, codes: np.ndarray) -> None:
        import vtk
        from vtk.util.numpy_support import vtk_to_numpy

        from ..nodes.matrices import vtk_matrix

        height, width = codes.shape
        image = vtk.vtkImageData()
        image.SetDimensions(width, height, 1)
        image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
        vtk_to_numpy(image.GetPointData().GetScalars())[:] = codes.ravel()
        centres = np.eye(4)
        centres[:2, 3] = 0.5  # voxel (0, 0) is the centre of pixel (0, 0)
        self._node.SetIJKToRASMatrix(vtk_matrix(plane.pixel_to_ras @ centres))  # type: ignore[union-attr]
        self._node.SetAndObserveImageData(image)  # type: ignore[union-attr]

    def _views(self) -> list[Any]:
        scene = self.session.node.GetScene()
        count = scene.GetNumberOfNodesByClass("vtkMRMLSliceCompositeNode")
        return [scene.GetNthNodeByClass(n, "vtkMRMLSliceCompositeNode") for n in range(count)]
