"""The session's node as the panel's widgets see it, and what only this panel needs, in the same node.

Fields named as in `scene.session_node.Session` are the session's own; the others are remembered for this front end.
"""

from __future__ import annotations

from typing import Annotated, Any

from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper


@parameterNodeWrapper
class EvanySegParameterNode:
    """Session: volume, segmentation, min_area_mm2, allow_cropped. Panel: all the rest."""

    volume: vtkMRMLScalarVolumeNode  # colour volumes too: their class is derived from it
    segmentation: vtkMRMLSegmentationNode
    reference: vtkMRMLSegmentationNode
    min_area_mm2: Annotated[float, WithinRange(0, 100000)] = 0.0
    allow_cropped: bool = False
    stopBelow: Annotated[float, WithinRange(0, 1)] = 0.5
    judgeMissing: bool = True
    showOverlay: bool = True
    showErrorMap: bool = False
    autoScore: bool = False
    flagSegments: bool = False
    cacheMegabytes: Annotated[int, WithinRange(32, 65536)] = 512


def wrapped(node: Any) -> EvanySegParameterNode:
    """The session's node, wrapped; what another front end has chosen stays chosen.

    Slicer's wrapper takes a node reference for unset, and clears it, unless a parameter of that name exists as well.
    """
    for role in ("volume", "segmentation", "reference"):
        if node.GetNodeReference(role) is not None and not node.HasParameter(role):
            node.SetParameter(role, "")
    return EvanySegParameterNode(node)
