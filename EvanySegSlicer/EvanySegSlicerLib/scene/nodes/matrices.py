"""Matrices and voxels of scene nodes. Linear transforms are followed; anything else is refused, never guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evanyseg.errors import GeometryError, ImageError

if TYPE_CHECKING:
    from slicer import vtkMRMLTransformableNode, vtkMRMLVolumeNode
    from vtkmodules.vtkCommonMath import vtkMatrix4x4


def matrix_array(matrix: vtkMatrix4x4) -> np.ndarray:
    """vtkMatrix4x4 to float [4, 4]."""
    return np.array([[matrix.GetElement(r, c) for c in range(4)] for r in range(4)])


def vtk_matrix(array: np.ndarray) -> vtkMatrix4x4:
    """float [4, 4] to vtkMatrix4x4."""
    import vtk

    made = vtk.vtkMatrix4x4()
    for r in range(4):
        for c in range(4):
            made.SetElement(r, c, float(array[r, c]))
    return made


def node_to_world(node: vtkMRMLTransformableNode) -> np.ndarray:
    """The node's coordinate system to world RAS, through its parent transforms.

    Raises GeometryError for a non-linear transform anywhere above the node.
    """
    import slicer
    import vtk

    parent = node.GetParentTransformNode()
    if parent is None:
        return np.eye(4)
    if not parent.IsTransformToWorldLinear():
        raise GeometryError(
            f"'{node.GetName()}' is under the non-linear transform '{parent.GetName()}'; harden it "
            "(Transforms module) or move the node out of it."
        )
    matrix = vtk.vtkMatrix4x4()
    slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(parent, None, matrix)
    return matrix_array(matrix)


def volume_to_world(volume: vtkMRMLVolumeNode) -> np.ndarray:
    """IJK to world RAS of a volume node, 4x4. Raises GeometryError."""
    import vtk

    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return node_to_world(volume) @ matrix_array(matrix)


def volume_dims(volume: vtkMRMLVolumeNode | None) -> tuple[int, int, int]:
    """(I, J, K). Raises ImageError for a volume without voxels."""
    image = volume.GetImageData() if volume is not None else None
    if image is None or min(image.GetDimensions()) < 1:
        name = volume.GetName() if volume is not None else "none"
        raise ImageError(f"The volume '{name}' has no voxels; choose one that is loaded.")
    return image.GetDimensions()


def voxels(volume: vtkMRMLVolumeNode) -> np.ndarray:
    """The stored voxels as a view [K, J, I] or [K, J, I, C] (C = 3 or 4: colour).

    The view keeps the image data alive, so that a worker may read it after the node is gone. Raises ImageError for a
    volume without voxels, GeometryError for time series and other multi-component volumes.
    """
    from vtk.util.numpy_support import vtk_to_numpy

    dims = volume_dims(volume)
    scalars = volume.GetImageData().GetPointData().GetScalars()
    if scalars is None:
        raise ImageError(f"The volume '{volume.GetName()}' has no voxels; choose one that is loaded.")
    components = scalars.GetNumberOfComponents()
    if components not in (1, 3, 4):
        raise GeometryError(
            f"'{volume.GetName()}' has {components} values per voxel: a time series or diffusion volume; "
            "extract one 3D volume first."
        )
    array = vtk_to_numpy(scalars)
    shape = dims[::-1] if components == 1 else (*dims[::-1], components)
    return array.reshape(shape)
