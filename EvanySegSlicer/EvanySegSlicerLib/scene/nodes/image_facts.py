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

INSTANCES = "DICOM.instanceUIDs"
"""Attribute of a volume node that Slicer's DICOM import made: its instances, separated by spaces."""

PADDING_VALUE, PADDING_LIMIT, SLOPE, INTERCEPT = "0028,0120", "0028,0121", "0028,1053", "0028,1052"

HOUNSFIELD_UNIT = "[hnsf'U]"
"""UCUM code that Slicer's DICOM import gives the voxel values of a CT."""


def keep_facts(volume: vtkMRMLVolumeNode, source: ImageSource) -> None:
    """Write what a file told onto the node made from it."""
    volume.SetAttribute(MODALITY, source.modality)
    volume.SetAttribute(HOUNSFIELD, "1" if source.hounsfield else "0")
    low_high = ",".join(repr(float(v)) for v in source.padding) if source.padding is not None else None
    volume.SetAttribute(PADDING, low_high)


def image_facts(volume: vtkMRMLVolumeNode) -> ImageSource:
    """Modality, unit and padding of a volume node: what `keep_facts` wrote, else what Slicer's DICOM import did
    (padding: see `keep_imported_padding`); all unknown for volumes from files that do not say them."""
    kept = volume.GetAttribute(HOUNSFIELD)
    ends = [float(v) for v in (volume.GetAttribute(PADDING) or "").split(",") if v]
    padding = (ends[0], ends[1]) if len(ends) == 2 else None
    if kept is not None:
        return ImageSource(volume.GetAttribute(MODALITY) or "", kept == "1", padding)
    modality, unit = _hierarchy_modality(volume), _unit(volume)
    hounsfield = unit == HOUNSFIELD_UNIT if unit else modality == "CT"
    if hounsfield and modality in ("", "CT"):
        return ImageSource("CT", True, padding)
    return ImageSource(modality, False, padding)


def keep_imported_padding(volume: vtkMRMLVolumeNode) -> None:
    """Slicer's DICOM import keeps no pixel padding: ask its database once for the volume's first instance, and write
    the padding onto the node in the volume's own values (rescaled). Nothing happens without a database (Slicer alone
    has one), for volumes that were not imported, and where instances are rescaled differently."""
    import slicer

    database = getattr(slicer, "dicomDatabase", None)
    instances = (volume.GetAttribute(INSTANCES) or "").split()
    if database is None or not instances or volume.GetAttribute(PADDING) is not None:
        return
    ask = lambda instance, tag: _number(database.instanceValue(instance, tag))
    first = ask(instances[0], PADDING_VALUE)
    if first is None:
        return
    last = ask(instances[0], PADDING_LIMIT)
    lines = {(ask(uid, SLOPE), ask(uid, INTERCEPT)) for uid in (instances[0], instances[-1])}
    if len(lines) > 1:
        return
    ((slope, intercept),) = lines
    ends = (first, first if last is None else last)
    rescaled = [(1.0 if slope is None else slope) * v + (intercept or 0.0) for v in ends]
    volume.SetAttribute(PADDING, ",".join(repr(v) for v in sorted(rescaled)))


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def _hierarchy_modality(volume: vtkMRMLVolumeNode) -> str:
    scene = volume.GetScene()
    # the class's own getter would make the node: reading must not change a scene
    hierarchy = scene.GetFirstNodeByClass("vtkMRMLSubjectHierarchyNode") if scene is not None else None
    item = hierarchy.GetItemByDataNode(volume) if hierarchy is not None else 0
    return str(hierarchy.GetItemAttribute(item, DICOM_MODALITY)) if hierarchy is not None and item else ""


def _unit(volume: vtkMRMLVolumeNode) -> str:
    entry = volume.GetVoxelValueUnits() if hasattr(volume, "GetVoxelValueUnits") else None
    return str(entry.GetCodeValue() or "") if entry is not None else ""
