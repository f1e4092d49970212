"""An optional derived segmentation, one segment a band, so that quality can be seen in 3D. The user's is untouched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evanyseg.bands import BandThresholds
from evanyseg.overlay_codes import COLORS, band_of_code

from .code_volume import DERIVED, derived

if TYPE_CHECKING:
    from slicer import vtkMRMLScene, vtkMRMLSegmentationNode, vtkMRMLVolumeNode

NAME = "Quality bands"
_BANDS = ("poor", "check", "good", "unscored", "stale")


def make_bands(
    scene: vtkMRMLScene, volume: vtkMRMLVolumeNode, codes: np.ndarray, thresholds: BandThresholds, surface: bool = True
) -> vtkMRMLSegmentationNode:
    """A new (or the updated) vtkMRMLSegmentationNode from the overlay's codes [K, J, I] on the volume's grid.

    surface: also make it visible in 3D (seconds on large volumes).
    """
    import slicer
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    remove_bands(scene)
    table = np.zeros(256, np.uint8)
    for code in range(256):
        name = band_of_code(code, thresholds)
        table[code] = _BANDS.index(name) + 1 if name else 0
    labels = table[codes]

    node = slicer.vtkMRMLSegmentationNode()
    node.SetName(NAME)
    derived(node)
    node = scene.AddNode(node)
    node.CreateDefaultDisplayNodes()
    derived(node.GetDisplayNode())
    node.GetDisplayNode().SetVisibility2DFill(False)
    node.GetDisplayNode().SetVisibility2DOutline(False)
    node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())

    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    image = slicer.vtkOrientedImageData()
    image.SetDimensions(*codes.shape[::-1])
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    image.SetGeometryFromImageToWorldMatrix(matrix)
    vtk_to_numpy(image.GetPointData().GetScalars())[:] = labels.ravel()

    segmentation = node.GetSegmentation()
    node.SetSourceRepresentationToBinaryLabelmap()
    present = np.bincount(labels.ravel(), minlength=len(_BANDS) + 1)
    for label, band in enumerate(_BANDS, 1):
        if not present[label]:
            continue
        segment = slicer.vtkSegment()
        segment.SetName(band)
        segment.SetColor(*COLORS[band])
        segment.SetLabelValue(label)
        segment.AddRepresentation("Binary labelmap", image)
        segmentation.AddSegment(segment, band)
    if surface and segmentation.GetNumberOfSegments():
        # no smoothing: a band that is one slice thin would vanish
        segmentation.SetConversionParameter("Smoothing factor", "0.0")
        node.CreateClosedSurfaceRepresentation()
    return node


def find_bands(scene: vtkMRMLScene) -> vtkMRMLSegmentationNode | None:
    """The derived segmentation, if the scene has one."""
    for number in range(scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")):
        node = scene.GetNthNodeByClass(number, "vtkMRMLSegmentationNode")
        if node.GetAttribute(DERIVED) and node.GetName() == NAME:
            return node
    return None


def remove_bands(scene: vtkMRMLScene) -> bool:
    """Take it out of the scene; False when there was none."""
    node = find_bands(scene)
    if node is None:
        return False
    display = node.GetDisplayNode()
    scene.RemoveNode(node)
    if display is not None and display.GetScene() is not None:
        scene.RemoveNode(display)
    return True
