"""Small volumes whose objects are known, so that tests can say what must come out."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk


def add_volume(scene, array: np.ndarray, spacing=(1.0, 1.0, 3.0), name: str = "Phantom"):
    """A vtkMRMLScalarVolumeNode of [K, J, I] voxels, RAS axes along IJK (i to -R, j to -A as scanners store it)."""
    image = vtk.vtkImageData()
    image.SetDimensions(*array.shape[::-1])
    scalars = numpy_to_vtk(np.ascontiguousarray(array).ravel(), deep=True)
    image.GetPointData().SetScalars(scalars)
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    directions = vtk.vtkMatrix4x4()
    for axis, (sign, step) in enumerate(zip((-1, -1, 1), spacing, strict=True)):
        directions.SetElement(axis, axis, sign * step)
        directions.SetElement(axis, 3, -sign * step * array.shape[2 - axis] / 2)
    node.SetIJKToRASMatrix(directions)
    node.SetAndObserveImageData(image)
    node.CreateDefaultDisplayNodes()
    return node


def ball(shape=(12, 96, 96), center=(6, 48, 48), radius=(4.5, 22, 22), seed: int = 0) -> np.ndarray:
    """Noisy background near 100 with one bright ellipsoid near 400: int16 [K, J, I]."""
    grid = np.indices(shape, dtype=float)
    inside = sum(((g - c) / r) ** 2 for g, c, r in zip(grid, center, radius, strict=True)) <= 1
    noise = np.random.default_rng(seed).normal(0, 12, shape)
    return (100 + 300 * inside + noise).astype(np.int16)


def show(volume) -> None:
    """The volume as background of every slice view, fitted, as after loading."""
    manager = slicer.app.layoutManager()
    for name in manager.sliceViewNames():
        widget = manager.sliceWidget(name)
        widget.mrmlSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
        widget.sliceLogic().FitSliceToAll()
    slicer.app.processEvents()
