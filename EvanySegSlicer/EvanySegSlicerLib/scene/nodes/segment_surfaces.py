"""3D surfaces of segments, renewed in place: Slicer's own way says that the segment was modified, which ends what can
be redone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slicer import vtkSegmentation

SURFACE = "Closed surface"


def renew_surface(segmentation: vtkSegmentation, segment_id: str) -> bool:
    """Bring the surface of one segment in line with its voxels (slow on large volumes); False when it has none."""
    import slicer

    old = segmentation.GetSegment(segment_id).GetRepresentation(SURFACE)
    if old is None:
        return False
    aside = slicer.vtkSegmentation()
    aside.SetSourceRepresentationName(segmentation.GetSourceRepresentationName())
    aside.CopyConversionParameters(segmentation)
    aside.CopySegmentFromSegmentation(segmentation, segment_id)
    aside.RemoveRepresentation(SURFACE)
    aside.CreateRepresentation(SURFACE)
    old.DeepCopy(aside.GetSegment(segment_id).GetRepresentation(SURFACE))
    segmentation.InvokeEvent(segmentation.RepresentationModified, segment_id)
    return True
