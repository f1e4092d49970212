"""The job that asks where the next click on a slice would tell most. It makes no mask and changes none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evanyseg.errors import EvanySegError
from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.pipeline.next_click import NextClick, suggest_click
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.prompts import BoxPrompt, PointPrompt
from evanyseg.protocols import Progress, ShouldCancel, never_cancel, no_progress

from ..nodes.volume_reader import VolumeSnapshot


@dataclass(frozen=True)
class ClickJob:
    """box, points, mask_input: the prompt that `mask` (bool [H, W], as it is now) is the answer to."""

    volume: VolumeSnapshot
    pipeline: SlicePipeline
    plane: SlicePlane
    segment_id: str
    mask: np.ndarray
    box: BoxPrompt | None
    points: tuple[PointPrompt, ...] = ()
    mask_input: np.ndarray | None = None
    title: str = "Looking for the next click"

    def run(self, progress: Progress = no_progress, should_cancel: ShouldCancel = never_cancel) -> NextClick:
        """Raises UnsupportedPromptError, PromptError, CancelledError."""
        progress(0.0, self.title)
        if self.pipeline.segmenter is None:
            raise EvanySegError("No segmenter is loaded; choose one first.")
        slice_ = self.volume.slice_input(self.plane)
        found = suggest_click(
            self.pipeline.segmenter,
            slice_,
            self.box,
            self.points,
            self.mask_input,
            embed=lambda: self.pipeline.embed(slice_, should_cancel),
            should_cancel=should_cancel,
        )
        progress(1.0, self.title)
        return found
