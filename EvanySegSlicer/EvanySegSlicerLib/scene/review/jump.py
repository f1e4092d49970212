"""Bring the slice views to what a table row is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.geometry.slice_plane import SlicePlane

from ..nodes.matrices import matrix_array

if TYPE_CHECKING:
    from slicer import vtkMRMLSliceNode, vtkMRMLVolumeNode

VIEW_OF = {"axial": "Red", "coronal": "Green", "sagittal": "Yellow"}
"""Layout name of the view that usually shows a plane."""


def show_plane(
    slice_nodes: Sequence[vtkMRMLSliceNode], plane: SlicePlane, mask: np.ndarray | None, volume: vtkMRMLVolumeNode
) -> None:
    """Scroll every view through the object; when none is parallel to the slice, the usual one is turned to it."""
    if view_of_plane(slice_nodes, plane) is None:
        for node in slice_nodes:
            if node.GetLayoutName() == VIEW_OF[plane.name]:
                node.RotateToVolumePlane(volume)
    jump(slice_nodes, target_of(plane, mask))


def target_of(plane: SlicePlane, mask: np.ndarray | None = None) -> np.ndarray:
    """RAS [3] of the pixel of `mask` [H, W] nearest its centroid (inside the object also when it is a ring), or the
    middle of the slice."""
    if mask is None or not mask.any():
        return plane.to_ras(np.array([[plane.shape[1] / 2, plane.shape[0] / 2]]))[0]
    rows, cols = np.nonzero(mask)
    nearest = int(np.argmin((rows - rows.mean()) ** 2 + (cols - cols.mean()) ** 2))
    return plane.to_ras(np.array([[cols[nearest] + 0.5, rows[nearest] + 0.5]]))[0]


def jump(slice_nodes: Iterable[vtkMRMLSliceNode], ras: np.ndarray) -> None:
    """Scroll every vtkMRMLSliceNode to the point, without panning or zooming it."""
    for node in slice_nodes:
        normal = matrix_array(node.GetSliceToRAS())[:3, 2]
        node.SetSliceOffset(float(normal @ ras))


def view_of_plane(slice_nodes: Iterable[vtkMRMLSliceNode], plane: SlicePlane) -> vtkMRMLSliceNode | None:
    """The view whose image lies in the plane's orientation, or None."""
    for node in slice_nodes:
        normal = matrix_array(node.GetSliceToRAS())[:3, 2]
        if abs(float(normal @ plane.normal)) > 1 - 1e-4:
            return node
    return None
