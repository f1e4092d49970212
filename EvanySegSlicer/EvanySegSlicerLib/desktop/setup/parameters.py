"""The session's node as the panel's widgets see it, and what only this panel needs, in the same node.

Fields named as in `scene.session_node.Session` are the session's own; the others are remembered for this front end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Protocol, cast

from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

if TYPE_CHECKING:
    from slicer import vtkMRMLScriptedModuleNode, vtkMRMLVolumeNode

    from ..widgets import PanelWidgets


FORMER_NAMES = {"findMissing": "judgeMissing", "auto_score": "autoScore"}
"""Parameters of this panel that scenes of earlier versions hold under another name."""


@parameterNodeWrapper
class EvanySegParameterNode:
    """Session: volume, segmentation and what is written with underscores. Panel: all the rest."""

    volume: vtkMRMLScalarVolumeNode  # colour volumes too: their class is derived from it
    segmentation: vtkMRMLSegmentationNode
    reference: vtkMRMLSegmentationNode
    min_area_mm2: Annotated[float, WithinRange(0, 100000)] = 0.0
    allow_cropped: bool = False
    reviewer: str = ""
    learn_every: Annotated[int, WithinRange(0, 1000)] = 0
    auto_score: bool = False
    stopBelow: Annotated[float, WithinRange(0, 1)] = 0.5
    findMissing: bool = True
    showOverlay: bool = True
    showErrorMap: bool = False
    flagSegments: bool = False
    cacheMegabytes: Annotated[int, WithinRange(32, 65536)] = 512


class PanelParameters(Protocol):
    """What the wrapper makes of the class above, as far as the panel uses it."""

    parameterNode: vtkMRMLScriptedModuleNode
    volume: vtkMRMLVolumeNode | None
    segmentation: vtkMRMLSegmentationNode | None
    showOverlay: bool
    flagSegments: bool
    reviewer: str

    def connectGui(self, gui: PanelWidgets) -> int: ...

    def disconnectGui(self, tag: int | None) -> None: ...


def wrapped(node: vtkMRMLScriptedModuleNode) -> PanelParameters:
    """The session's node, wrapped; what another front end has chosen stays chosen.

    Slicer's wrapper takes a node reference for unset, and clears it, unless a parameter of that name exists as well.
    """
    for name, former in FORMER_NAMES.items():
        if node.HasParameter(former) and not node.HasParameter(name):
            node.SetParameter(name, node.GetParameter(former))
    for role in ("volume", "segmentation", "reference"):
        if node.GetNodeReference(role) is not None and not node.HasParameter(role):
            node.SetParameter(role, "")
    make = cast(Callable[[object], PanelParameters], EvanySegParameterNode)  # the wrapper adds the argument
    return make(node)
