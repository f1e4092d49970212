"""What a scene knows of a volume besides voxels and grid, in the engine's words: that is what chooses its window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evanyseg.geometry.volume import ImageSource

if TYPE_CHECKING:
    from slicer import vtkMRMLVolumeNode

MODALITY = "EvanySeg.Modality"
HOUNSFIELD = "EvanySeg.Hounsfield"
PADDING = "EvanySeg.Padding"
"""Attributes of a volume node that the engine read: its file's own facts, kept with the scene."""

DICOM_MODALITY = "DICOM.Modality"
"""Attribute that Slicer's DICOM import gives the volume's item of the subject hierarchy."""

HOUNSFIELD_UNIT = "[hnsf'U]"
"""UCUM code that Slicer's DICOM import gives the voxel values of a CT."""


def keep_facts(volume: vtkMRMLVolumeNode, source: ImageSource) -> None:
    """Write what a file told onto the node made from it."""
    volume.SetAttribute(MODALITY, source.modality)
    volume.SetAttribute(HOUNSFIELD, "1" if source.hounsfield else "0")
    low_high = ",".join(repr(float(v)) for v in source.padding) if source.padding is not None else None
    volume.SetAttribute(PADDING, low_high)


def image_facts(volume: vtkMRMLVolumeNode) -> ImageSource:
    """Modality, unit and padding of a volume node: what `keep_facts` wrote, else what Slicer's DICOM import did (which
    keeps no padding); all unknown for volumes from files that do not say them."""
    kept = volume.GetAttribute(HOUNSFIELD)
    if kept is not None:
        ends = [float(v) for v in (volume.GetAttribute(PADDING) or "").split(",") if v]
        padding = (ends[0], ends[1]) if len(ends) == 2 else None
        return ImageSource(volume.GetAttribute(MODALITY) or "", kept == "1", padding)
    modality, unit = _hierarchy_modality(volume), _unit(volume)
    hounsfield = unit == HOUNSFIELD_UNIT if unit else modality == "CT"
    if hounsfield and modality in ("", "CT"):
        return ImageSource("CT", True)
    return ImageSource(modality)


def _hierarchy_modality(volume: vtkMRMLVolumeNode) -> str:
    scene = volume.GetScene()
    # the class's own getter would make the node: reading must not change a scene
    hierarchy = scene.GetFirstNodeByClass("vtkMRMLSubjectHierarchyNode") if scene is not None else None
    item = hierarchy.GetItemByDataNode(volume) if hierarchy is not None else 0
    return str(hierarchy.GetItemAttribute(item, DICOM_MODALITY)) if hierarchy is not None and item else ""


def _unit(volume: vtkMRMLVolumeNode) -> str:
    entry = volume.GetVoxelValueUnits() if hasattr(volume, "GetVoxelValueUnits") else None
    return str(entry.GetCodeValue() or "") if entry is not None else ""
