"""A volume of one-byte codes in the foreground of slice views: made, coloured, shown and taken away.

It is derived, hidden from node lists and not saved; its code 0 is transparent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from slicer import vtkMRMLNode, vtkMRMLScalarVolumeNode, vtkMRMLScene, vtkMRMLSliceCompositeNode

DERIVED = "EvanySeg.Derived"
"""Attribute of every node that is made from scores and may be deleted without loss."""

CODES = 256


def derived(node: vtkMRMLNode) -> None:
    """Mark a node as made from scores: hidden from selectors, not saved, safe to delete."""
    node.SetAttribute(DERIVED, "1")
    node.SetSaveWithScene(False)
    node.SetHideFromEditors(True)


def make_code_volume(scene: vtkMRMLScene, name: str) -> vtkMRMLScalarVolumeNode:
    """A volume node without voxels yet, with a display and a colour table of its own."""
    import slicer

    def added(node: vtkMRMLNode, node_name: str) -> vtkMRMLNode:
        node.SetName(node_name)
        derived(node)
        return scene.AddNode(node)

    node = added(slicer.vtkMRMLScalarVolumeNode(), name)
    display = added(slicer.vtkMRMLScalarVolumeDisplayNode(), f"{name} display")
    colors = added(slicer.vtkMRMLColorTableNode(), f"{name} colors")
    colors.SetTypeToUser()
    colors.SetNumberOfColors(CODES)
    display.SetAndObserveColorNodeID(colors.GetID())
    display.SetInterpolate(False)
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(0, CODES - 1)
    display.SetLowerThreshold(1)
    display.SetUpperThreshold(CODES - 1)
    display.SetApplyThreshold(True)
    node.SetAndObserveDisplayNodeID(display.GetID())
    return node


def give_voxels(node: vtkMRMLScalarVolumeNode, dims: tuple[int, int, int]) -> np.ndarray:
    """New voxels, all 0, of dims (I, J, K): their uint8 [K, J, I] view."""
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    image = vtk.vtkImageData()
    image.SetDimensions(*dims)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    codes = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(dims[::-1])
    codes[...] = 0
    node.SetAndObserveImageData(image)
    return codes


def color_codes(node: vtkMRMLScalarVolumeNode, table: np.ndarray, names: Sequence[str] = ()) -> None:
    """RGBA float [256, 4] in 0..1, and what each code is called."""
    colors = node.GetDisplayNode().GetColorNode()
    was = colors.StartModify()
    for code, rgba in enumerate(table):
        colors.SetColor(code, *(float(v) for v in rgba))
    for code, name in enumerate(names):
        colors.SetColorName(code, name)
    colors.EndModify(was)


def remove_code_volume(node: vtkMRMLScalarVolumeNode | None) -> None:
    """With its display and colour table; a node that is gone already is no error."""
    if node is None or node.GetScene() is None:
        return
    scene, display = node.GetScene(), node.GetDisplayNode()
    for part in (display.GetColorNode() if display is not None else None, display, node):
        if part is not None:
            scene.RemoveNode(part)


def slice_composites(scene: vtkMRMLScene) -> list[vtkMRMLSliceCompositeNode]:
    """What every slice view of the scene shows."""
    count = scene.GetNumberOfNodesByClass("vtkMRMLSliceCompositeNode")
    return [scene.GetNthNodeByClass(n, "vtkMRMLSliceCompositeNode") for n in range(count)]


def restore_foreground(composite: vtkMRMLSliceCompositeNode, ours: str | None, volume: str, opacity: float) -> None:
    """Put `volume` (a node id, '' for none) back where `ours` is shown; what the user chose meanwhile stays."""
    if composite.GetForegroundVolumeID() in (ours, None):
        exists = bool(volume) and composite.GetScene().GetNodeByID(volume) is not None
        composite.SetForegroundVolumeID(volume if exists else None)
        composite.SetForegroundOpacity(opacity)
