"""A volume read by the engine becomes a node of the scene."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evanyseg.geometry.volume import Volume

from .image_facts import keep_facts

if TYPE_CHECKING:
    from slicer import vtkMRMLScene, vtkMRMLVolumeNode


def add_volume(scene: vtkMRMLScene, volume: Volume) -> vtkMRMLVolumeNode:
    """A volume node (scalar, or vector for colour) with the array [K, J, I(, C)] and geometry of `volume`."""
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    kind_of_number = np.dtype(np.uint8) if volume.array.dtype == bool else volume.array.dtype.newbyteorder("=")
    array = np.ascontiguousarray(volume.array, kind_of_number)  # VTK takes the bytes as they are
    image = vtk.vtkImageData()
    image.SetDimensions(*volume.shape[::-1])
    channels = array.shape[3] if volume.color else 1
    image.GetPointData().SetScalars(
        numpy_to_vtk(array.reshape(-1, channels) if channels > 1 else array.ravel(), deep=1)
    )
    kind = "vtkMRMLVectorVolumeNode" if volume.color else "vtkMRMLScalarVolumeNode"
    node = scene.AddNewNodeByClass(kind, volume.name or "volume")
    node.SetAndObserveImageData(image)
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy((volume.ijk_to_ras).ravel())
    node.SetIJKToRASMatrix(matrix)
    node.CreateDefaultDisplayNodes()
    keep_facts(node, volume.source)
    return node
