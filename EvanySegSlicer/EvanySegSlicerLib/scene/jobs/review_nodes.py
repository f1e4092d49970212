"""What one review is about: a volume, a segmentation of it and its scores, each behind its reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evanyseg.bands import BandThresholds

from ..nodes.segment_store import SegmentStore
from ..nodes.volume_reader import VolumeReader
from ..table.score_table import ScoreTable

if TYPE_CHECKING:
    from slicer import vtkMRMLSegmentationNode, vtkMRMLVolumeNode


@dataclass(frozen=True)
class ReviewNodes:
    """Holds no state of its own: everything is in the scene."""

    reader: VolumeReader
    store: SegmentStore
    table: ScoreTable

    @property
    def volume(self) -> vtkMRMLVolumeNode:
        return self.reader.volume

    @property
    def segmentation(self) -> vtkMRMLSegmentationNode:
        return self.store.node

    @property
    def thresholds(self) -> BandThresholds:
        return self.table.thresholds

    @property
    def problem(self) -> str:
        """Empty, or why the review cannot go on: a node is gone. No full stop: what that means is added."""
        for node, what in ((self.volume, "volume"), (self.segmentation, "segmentation"), (self.table.node, "table")):
            if node.GetScene() is None:
                return f"The {what} was removed from the scene"
        return ""
