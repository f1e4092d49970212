"""The one place where a review is put together from a volume and a segmentation: front ends, demo and scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evanyseg.pipeline.slice_pipeline import SlicePipeline

from ..jobs.review_nodes import ReviewNodes
from ..nodes.image_facts import keep_imported_padding
from ..nodes.segment_store import SegmentStore
from ..nodes.session_node import SessionNode
from ..nodes.volume_reader import VolumeReader
from ..overlay.quality_overlay import QualityOverlay
from ..table.score_table import ScoreTable
from .mask_history import MaskHistory
from .session import ReviewSession

if TYPE_CHECKING:
    from slicer import vtkMRMLSegmentationNode, vtkMRMLVolumeNode

TABLE_ROLE = "EvanySegScores"
"""Reference of a segmentation node to its score table."""

OWNER = "EvanySeg.Segmentation"
"""Attribute of a score table: id of the segmentation that it belongs to."""


@dataclass(frozen=True)
class OpenReview:
    """The review and the scene's session node."""

    review: ReviewSession
    session: SessionNode

    @property
    def overlay(self) -> QualityOverlay:
        """Made with the review; not shown before `show()`."""
        return self.review.overlay


def open_review(
    volume: vtkMRMLVolumeNode,
    segmentation: vtkMRMLSegmentationNode | None = None,
    pipeline: SlicePipeline | None = None,
    preset: str = "",
) -> OpenReview:
    """Review of a volume and a segmentation (a new one when None) with its score table, bands and colours of the
    scene's session, which from now on names the three nodes.

    preset: intensity preset, '' for the session's. The review's undo is an own vtkSlicerSegmentEditorLogic's; see
    `ReviewSession.through` for another editor's. Raises ImageError, GeometryError.
    """
    node = SessionNode.of_scene(volume.GetScene())
    session = node.read()
    keep_imported_padding(volume)
    reader = VolumeReader(volume, preset or session.preset)
    reader.snapshot()  # a volume that cannot be used is refused before anything is made
    segmentation = segmentation or new_segmentation(volume)
    table = score_table_of(segmentation, node)
    nodes = ReviewNodes(reader, SegmentStore(segmentation), table)
    overlay = QualityOverlay(reader, nodes.store, table, node, session.continuous)
    for role, one in (("volume", volume), ("segmentation", segmentation), ("score_table", table.node)):
        node.set(role, one.GetID())
    return OpenReview(ReviewSession(nodes, MaskHistory.create(segmentation, volume), overlay, pipeline), node)


def score_table_of(segmentation: vtkMRMLSegmentationNode, node: SessionNode) -> ScoreTable:
    """The segmentation's score table, with the session's bands; else the session's when it belongs to nobody yet; else
    a new one. A table that belongs to another segmentation is left alone."""
    thresholds = node.read().thresholds
    found = segmentation.GetNodeReference(TABLE_ROLE)
    if found is None:
        kept = node.node.GetNodeReference("score_table")
        found = kept if kept is not None and not kept.GetAttribute(OWNER) else None
    if found is None:
        table = ScoreTable.create(segmentation.GetScene(), f"{segmentation.GetName()} scores", thresholds)
    else:
        table = ScoreTable.of_node(found, thresholds)
    table.node.SetAttribute(OWNER, segmentation.GetID())
    segmentation.SetNodeReferenceID(TABLE_ROLE, table.node.GetID())
    return table


def new_segmentation(volume: vtkMRMLVolumeNode, name: str = "") -> vtkMRMLSegmentationNode:
    """An empty segmentation node on the volume's voxels and under its parent transform."""
    scene = volume.GetScene()
    made = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name or f"{volume.GetName()} segmentation")
    made.CreateDefaultDisplayNodes()
    # the parent first: the geometry is stored in the node's own space, and Slicer works it out from both nodes' parents
    if volume.GetTransformNodeID():
        made.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
    made.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    return made
