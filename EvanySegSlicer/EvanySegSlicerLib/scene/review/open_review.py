"""Everything a review needs, from a volume and a segmentation: for the demo, the web front end and scripts.

(The desktop's controller does the same, but keeps the undo history of Slicer's own segment editor.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evanyseg.pipeline.slice_pipeline import SlicePipeline

from ..nodes.session_node import SessionNode
from ..overlay.quality_overlay import QualityOverlay
from ..table.score_table import ScoreTable
from .session import ReviewSession

TABLE_ROLE = "EvanySegScores"
"""Reference of a segmentation node to its score table."""


@dataclass(frozen=True)
class OpenReview:
    """The review with its overlay (not shown yet) and the scene's session node."""

    review: ReviewSession
    overlay: QualityOverlay
    session: SessionNode


def open_review(
    volume: Any, segmentation: Any | None = None, pipeline: SlicePipeline | None = None, preset: str = ""
) -> OpenReview:
    """Review of a vtkMRMLScalarVolumeNode and a vtkMRMLSegmentationNode (a new one when None), with the segmentation's
    score table if it has one already, and the bands of the scene's session. Raises ImageError, GeometryError."""
    scene = volume.GetScene()
    node = SessionNode.of_scene(scene)
    session = node.read()
    segmentation = segmentation or new_segmentation(volume)
    found = segmentation.GetNodeReference(TABLE_ROLE)
    if found is None:
        table = ScoreTable.create(scene, f"{segmentation.GetName()} scores", session.thresholds)
        segmentation.SetNodeReferenceID(TABLE_ROLE, table.node.GetID())
        table.node.SetAttribute("EvanySeg.Segmentation", segmentation.GetID())
    else:
        table = ScoreTable.of_node(found, session.thresholds)
    review = ReviewSession(volume, segmentation, table, pipeline, preset=preset or session.preset)
    overlay = QualityOverlay(review.reader, review.store, table, node, session.continuous)
    review.overlay = overlay
    for role, one in (("volume", volume), ("segmentation", segmentation), ("score_table", table.node)):
        node.set(role, one.GetID())
    return OpenReview(review, overlay, node)


def new_segmentation(volume: Any, name: str = "") -> Any:
    """An empty segmentation node on the volume's voxels and under its parent transform."""
    scene = volume.GetScene()
    made = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name or f"{volume.GetName()} segmentation")
    made.CreateDefaultDisplayNodes()
    # the parent first: the geometry is stored in the node's own space, and Slicer works it out from both nodes' parents
    if volume.GetTransformNodeID():
        made.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
    made.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    return made
