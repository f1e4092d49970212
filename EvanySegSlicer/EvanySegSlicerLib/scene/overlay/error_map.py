"""Where a mask is probably wrong: false positive and false negative probabilities of one slice, in its foreground.

A derived volume of one slice's thickness on the slice's own pixels, so that it lies exactly on the image, also for
oblique slices. Codes 1..100: a pixel of the mask is wrong with that percentage; 101..200: a pixel outside is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.results import QualityEstimate

from ..nodes.matrices import vtk_matrix
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

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode

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
        self._node: vtkMRMLScalarVolumeNode | None = None
        self._before: dict[str, tuple[str, float]] = {}

    @property
    def shown(self) -> bool:
        return self.node is not None

    @property
    def node(self) -> vtkMRMLScalarVolumeNode | None:
        """The map's volume while it is in the scene."""
        return self._node if self._node is not None and self._node.GetScene() is not None else None

    def show(self, plane: SlicePlane, estimate: QualityEstimate) -> bool:
        """Show the maps of `estimate`, made on `plane`; False (and nothing shown) when it has none."""
        codes = error_codes(estimate)
        if codes is None:
            self.remove()
            return False
        node = self.node
        if node is None:
            node = self._node = make_code_volume(self.session.node.GetScene(), NAME)
            color_codes(node, _colors())
        height, width = codes.shape
        give_voxels(node, (width, height, 1))[0] = codes
        centres = np.eye(4)
        centres[:2, 3] = 0.5  # voxel (0, 0) is the centre of pixel (0, 0)
        node.SetIJKToRASMatrix(vtk_matrix(plane.pixel_to_ras @ centres))
        for view in slice_composites(node.GetScene()):
            if view.GetForegroundVolumeID() == node.GetID():
                continue
            self._before[view.GetID()] = (view.GetForegroundVolumeID() or "", view.GetForegroundOpacity())
            view.SetForegroundVolumeID(node.GetID())
            view.SetForegroundOpacity(self.opacity)
        return True

    def remove(self) -> None:
        node, self._node = self._node, None
        before, self._before = self._before, {}
        scene = self.session.node.GetScene()
        if node is None or scene is None:
            return
        for view in slice_composites(scene):
            if view.GetID() in before:
                restore_foreground(view, node.GetID(), *before[view.GetID()])
        remove_code_volume(node)


def _colors() -> np.ndarray:
    """RGBA [256, 4]: the more probable, the more opaque."""
    table = np.zeros((CODES, 4))
    for first, color in ((1, FALSE_POSITIVE_COLOR), (101, FALSE_NEGATIVE_COLOR)):
        table[first : first + 100, :3] = color
        table[first : first + 100, 3] = np.arange(1, 101) / 100
    return table
