"""The demo's stage: a real scene with a volume, a segmentation, a score table and the models that score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evanyseg.geometry.volume import Volume
from evanyseg.pipeline.slice_pipeline import SlicePipeline

from ..scene.headless.boot import HeadlessSlicer, boot
from ..scene.nodes.add_volume import add_volume
from ..scene.overlay.quality_overlay import QualityOverlay
from ..scene.review.open_review import new_segmentation, open_review
from ..scene.review.session import ReviewSession

if TYPE_CHECKING:
    from slicer import vtkMRMLSegmentationNode, vtkMRMLVolumeNode

SEGMENT_COLORS = ((0.55, 0.83, 0.98), (0.98, 0.72, 0.83), (0.72, 0.90, 0.60), (0.93, 0.87, 0.75), (0.80, 0.70, 0.95))


@dataclass
class Stage:
    """Everything the demo acts on. `close` empties the scene."""

    slicer: HeadlessSlicer
    review: ReviewSession

    @property
    def volume(self) -> vtkMRMLVolumeNode:
        return self.review.volume

    @property
    def segmentation(self) -> vtkMRMLSegmentationNode:
        return self.review.segmentation

    @property
    def overlay(self) -> QualityOverlay:
        return self.review.overlay

    def close(self) -> None:
        self.slicer.close()


def set_stage(volume: Volume, pipeline: SlicePipeline, preset: str = "") -> Stage:
    """A booted scene that shows `volume` with an empty segmentation and a review of it.

    `preset`: intensity preset of `evanyseg.pipeline.intensity`, '' for the default of the image's kind.
    """
    slicer = boot()
    node = add_volume(slicer.scene, volume)
    slicer.show(node)
    segmentation = new_segmentation(node, "EvanySeg demo")
    return Stage(slicer, open_review(node, segmentation, pipeline, preset).review)


def add_segment(stage: Stage, name: str) -> str:
    """A new empty segment with a quiet colour of its own; returns its id."""
    segment_id = stage.review.store.add(name)
    segmentation = stage.segmentation.GetSegmentation()
    color = SEGMENT_COLORS[(segmentation.GetNumberOfSegments() - 1) % len(SEGMENT_COLORS)]
    segmentation.GetSegment(segment_id).SetColor(*color)
    return segment_id
