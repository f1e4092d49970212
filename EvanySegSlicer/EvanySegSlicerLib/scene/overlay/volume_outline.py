"""Where a volume lies, for 3D views: the twelve edges of its box. Derived: not saved, removed by one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..nodes.matrices import volume_dims, volume_to_world
from .code_volume import derived

if TYPE_CHECKING:
    from slicer import vtkMRMLModelNode, vtkMRMLVolumeNode
    from vtkmodules.vtkCommonDataModel import vtkPolyData

NAME = "EvanySeg volume outline"
COLOR = (0.6, 0.6, 0.6)


class VolumeOutline:
    """A model node with the box's edges in world coordinates. Raises GeometryError under a transform that bends."""

    def __init__(self, volume: vtkMRMLVolumeNode) -> None:
        import slicer

        self.volume = volume
        scene = volume.GetScene()
        node = slicer.vtkMRMLModelNode()
        node.SetName(NAME)
        derived(node)
        node.SetSelectable(False)
        self.node: vtkMRMLModelNode = scene.AddNode(node)
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        derived(display)
        display.SetColor(*COLOR)
        display.SetLighting(False)
        display.SetVisibility2D(False)
        self._place: bytes = b""
        self.refresh()

    def refresh(self) -> None:
        """Where the volume lies now."""
        if self.node.GetScene() is None or self.volume.GetScene() is None:
            return
        matrix, dims = volume_to_world(self.volume), volume_dims(self.volume)
        place = matrix.tobytes() + bytes(str(dims), "ascii")
        if place != self._place:
            self._place = place
            self.node.SetAndObservePolyData(_edges(matrix, dims))

    def remove(self) -> None:
        scene = self.node.GetScene()
        if scene is None:
            return
        display = self.node.GetDisplayNode()
        scene.RemoveNode(self.node)
        if display is not None and display.GetScene() is not None:
            scene.RemoveNode(display)


def _edges(matrix: np.ndarray, dims: tuple[int, int, int]) -> vtkPolyData:
    """The voxels' outer borders: half a voxel beyond the outermost centres."""
    import vtk

    points, lines = vtk.vtkPoints(), vtk.vtkCellArray()
    for corner in range(8):
        ijk = [dims[a] - 0.5 if corner >> a & 1 else -0.5 for a in range(3)]
        points.InsertNextPoint(*(matrix @ [*ijk, 1])[:3])
    for corner in range(8):
        for axis in range(3):
            if not corner >> axis & 1:
                lines.InsertNextCell(2, (corner, corner | 1 << axis))
    edges = vtk.vtkPolyData()
    edges.SetPoints(points)
    edges.SetLines(lines)
    return edges
