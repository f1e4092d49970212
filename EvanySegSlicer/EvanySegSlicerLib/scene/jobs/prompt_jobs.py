"""Jobs that make masks: a box or points on one slice, and a mask carried on to its neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from evanyseg.geometry.labels import LabelArray, stamp
from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.pipeline.slice_pipeline import SliceInput, SlicePipeline, SliceResult
from evanyseg.prompts import BoxPrompt, PointPrompt
from evanyseg.protocols import Progress, ShouldCancel, never_cancel, no_progress, raise_if_cancelled
from evanyseg.results import Caveat

from ..nodes.volume_reader import VolumeSnapshot
from ..table.content import content_hash
from ..table.outcomes import SliceOutcome
from .result import JobResult


@dataclass(frozen=True)
class BoxJob:
    """Segment one slice from a box and/or points, and score it."""

    volume: VolumeSnapshot
    pipeline: SlicePipeline
    plane: SlicePlane
    segment_id: str
    grid_to_ras: np.ndarray
    box: BoxPrompt | None = None
    points: Sequence[PointPrompt] = ()
    mask_input: np.ndarray | None = None
    maps: bool = False
    label: str = ""
    """What the segment is called, for estimators that ask."""
    title: str = "Segmenting"

    @property
    def encodes(self) -> SlicePlane:
        return self.plane

    def run(self, progress: Progress = no_progress, should_cancel: ShouldCancel = never_cancel) -> JobResult:
        """Raises PromptError, CancelledError."""
        progress(0.0, self.title)
        result = self.pipeline.segment(
            self.volume.slice_input(self.plane),
            self.box,
            self.points,
            self.mask_input,
            self.maps,
            should_cancel,
            self.label,
        )
        outcome = outcome_of(self, self.plane, result, should_cancel)
        progress(1.0, self.title)
        return JobResult((outcome,), result, points=tuple(self.points), mask_input=self.mask_input)


@dataclass(frozen=True)
class PropagateJob:
    """Carry one slice's mask to its neighbours along the same axis, in each of `directions` (+1, -1), until the
    object ends, the predicted Dice falls below `stop_below`, or `limit` slices are done in a direction."""

    volume: VolumeSnapshot
    pipeline: SlicePipeline
    plane: SlicePlane
    segment_id: str
    grid_to_ras: np.ndarray
    mask: np.ndarray
    directions: tuple[int, ...] = (1, -1)
    stop_below: float = 0.5
    limit: int = 10_000
    label: str = ""
    title: str = "Propagating"

    @property
    def encodes(self) -> None:
        return None

    def run(self, progress: Progress = no_progress, should_cancel: ShouldCancel = never_cancel) -> JobResult:
        """Raises CancelledError."""
        count = self.volume.dims[self.plane.axis]
        start = self.plane.index
        outcomes: list[SliceOutcome] = []
        for turn, direction in enumerate(self.directions):
            end = count if direction > 0 else -1
            stop = min(end, start + direction * (self.limit + 1), key=lambda s: abs(s - start))
            steps = self.pipeline.propagate(
                self._input,
                start,
                self.mask,
                stop,
                self.stop_below,
                should_cancel=should_cancel,
                label=self.label,
            )
            for done, (index, result) in enumerate(steps, 1):
                raise_if_cancelled(should_cancel)
                plane = self.volume.plane(self.plane.axis, index)
                outcomes.append(outcome_of(self, plane, result, should_cancel))
                share = done / max(1, abs(stop - start) - 1)
                progress((turn + share) / len(self.directions), f"{self.title}: slice {index}")
        progress(1.0, self.title)
        return JobResult(tuple(outcomes), message=f"{len(outcomes)} slices propagated.")

    def _input(self, index: int) -> SliceInput:
        return self.volume.slice_input(self.volume.plane(self.plane.axis, index))


def outcome_of(
    job: BoxJob | PropagateJob, plane: SlicePlane, result: SliceResult, should_cancel: ShouldCancel
) -> SliceOutcome:
    """The mask as the segmentation's own voxels will hold it; scored again where that differs from the answer."""
    volume, pipeline = job.volume, job.pipeline
    mask, estimate = result.mask, result.estimate
    held = _as_stored(plane, mask, job.grid_to_ras)
    if not np.array_equal(held, mask):
        mask = held
        case = (volume.slice_input(plane), mask, result.box, job.label)
        estimate = next(pipeline.score([case], should_cancel=should_cancel))
        if not plane.oblique:  # an oblique slice never has voxels of its own, and its row says so
            estimate = replace(estimate, caveats=(*estimate.caveats, Caveat.RESAMPLED))
    return SliceOutcome(
        segment_id=job.segment_id,
        plane=plane,
        mask=mask,
        estimate=estimate,
        content=content_hash(mask, volume.image_hash(plane)),
        window=volume.window.describe(),
        box=result.box,
        segmenter=pipeline.segmenter.name if pipeline.segmenter is not None else "",
        write=result.mask,
    )


def _as_stored(plane: SlicePlane, mask: np.ndarray, grid_to_ras: np.ndarray) -> np.ndarray:
    found = stamp(plane, mask, grid_to_ras)
    if found is None:
        return np.zeros_like(mask)
    first = np.eye(4)
    first[:3, 3] = found.extent[::2]
    return LabelArray(found.value, 1, grid_to_ras @ first).slice(plane)
