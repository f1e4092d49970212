"""The heavy middle of every action: made on the main thread from snapshots, run anywhere, applied by `ReviewSession`.

A job's `run` touches arrays and models only, so that a worker thread may run it while the scene changes or closes.
It returns `SliceScore`s and writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.pipeline.slice_pipeline import SliceInput, SlicePipeline, SliceResult
from evanyseg.prompts import BoxPrompt, PointPrompt
from evanyseg.protocols import Progress, ShouldCancel, never_cancel, no_progress, raise_if_cancelled
from evanyseg.results import Caveat, QualityEstimate
from evanyseg.scoring.missing_slices import EmptySliceStatus, MissingSliceDetector

from ..nodes.resample import LabelArray, stamp
from ..nodes.volume_reader import VolumeSnapshot
from ..table.content import content_hash
from ..table.records import MASK, MISSING, Key
from .admission import admit


@dataclass(frozen=True)
class SliceScore:
    """One slice's outcome: mask bool [H, W] as the segmentation will hold it, its estimate, and its content hash.

    write: the mask to write to the segment's slice (it is held as `mask`, which differs where the segmentation's
    voxels do); None when the score only describes what is there or, for `kind` MISSING, what was found where there is
    nothing.
    """

    segment_id: str
    plane: SlicePlane
    mask: np.ndarray
    estimate: QualityEstimate
    content: str
    window: str
    box: BoxPrompt | None = None
    segmenter: str = ""
    kind: str = MASK
    write: np.ndarray | None = None

    @property
    def key(self) -> Key:
        return (self.segment_id, *self.plane.key)


@dataclass(frozen=True)
class JobResult:
    """Scores to apply; `prompted`: the segmenter's full answer to a box and `points`
    (candidates, low-resolution logits);
    `message`: one sentence for the status line; `problem`: what could not be done, and why, though the rest was."""

    scores: tuple[SliceScore, ...]
    prompted: SliceResult | None = None
    message: str = ""
    problem: str = ""
    points: tuple[PointPrompt, ...] = ()


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
    title: str = "Segmenting"

    def run(self, progress: Progress = no_progress, should_cancel: ShouldCancel = never_cancel) -> JobResult:
        """Raises PromptError, CancelledError."""
        progress(0.0, self.title)
        result = self.pipeline.segment(
            self.volume.slice_input(self.plane), self.box, self.points, self.mask_input, self.maps, should_cancel
        )
        score = finished(self, self.plane, result, should_cancel)
        progress(1.0, self.title)
        return JobResult((score,), result, points=tuple(self.points))


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
    title: str = "Propagating"

    def run(self, progress: Progress = no_progress, should_cancel: ShouldCancel = never_cancel) -> JobResult:
        """Raises CancelledError."""
        count = self.volume.dims[self.plane.axis]
        start = self.plane.index
        scores: list[SliceScore] = []
        for turn, direction in enumerate(self.directions):
            end = count if direction > 0 else -1
            stop = min(end, start + direction * (self.limit + 1), key=lambda s: abs(s - start))
            steps = self.pipeline.propagate(
                self._input, start, self.mask, stop, self.stop_below, should_cancel=should_cancel
            )
            for done, (index, result) in enumerate(steps, 1):
                raise_if_cancelled(should_cancel)
                plane = self.volume.plane(self.plane.axis, index)
                scores.append(finished(self, plane, result, should_cancel))
                share = done / max(1, abs(stop - start) - 1)
                progress((turn + share) / len(self.directions), f"{self.title}: slice {index}")
        progress(1.0, self.title)
        return JobResult(tuple(scores), message=f"{len(scores)} slices propagated.")

    def _input(self, index: int) -> SliceInput:
        return self.volume.slice_input(self.volume.plane(self.plane.axis, index))


@dataclass(frozen=True)
class ScoreJob:
    """Score every slice of existing segments along one axis; slices whose content is in `known` are skipped."""

    volume: VolumeSnapshot
    pipeline: SlicePipeline
    axis: int
    segments: dict[str, LabelArray]
    known: dict[Key, str] = field(default_factory=dict)
    boxes: dict[Key, tuple[str, BoxPrompt]] = field(default_factory=dict)
    """key -> (content hash, box): unedited slices that came from a box are judged with it."""
    only: frozenset[Key] | None = None
    names: dict[str, str] = field(default_factory=dict)
    allow_cropped: bool = False
    title: str = "Scoring"

    def run(self, progress: Progress = no_progress, should_cancel: ShouldCancel = never_cancel) -> JobResult:
        """Raises CancelledError."""
        progress(0.0, self.title)
        waiting: list[tuple[str, SlicePlane, np.ndarray, str, BoxPrompt | None]] = []
        admitted = admit(self.volume, self.segments, self.names, self.allow_cropped)
        total = sum(len(slice_range(self.volume, a, self.axis)) for a in admitted.segments.values())
        seen = unchanged = 0

        def cases() -> Iterator[tuple[SliceInput, np.ndarray, BoxPrompt | None]]:
            nonlocal seen, unchanged
            for segment_id, array in admitted.segments.items():
                for index in slice_range(self.volume, array, self.axis):
                    raise_if_cancelled(should_cancel)
                    seen += 1
                    plane = self.volume.plane(self.axis, index)
                    key = (segment_id, *plane.key)
                    if self.only is not None and key not in self.only:
                        continue
                    mask = array.slice(plane)
                    if not mask.any():
                        continue
                    content = content_hash(mask, self.volume.image_hash(plane))
                    if self.known.get(key) == content:
                        unchanged += 1
                        continue
                    prompted = self.boxes.get(key)
                    box = prompted[1] if prompted is not None and prompted[0] == content else None
                    waiting.append((segment_id, plane, mask, content, box))
                    yield self.volume.slice_input(plane), mask, box

        scores = []
        for estimate in self.pipeline.score(cases(), should_cancel=should_cancel):
            segment_id, plane, mask, content, box = waiting.pop(0)
            estimate = replace(estimate, caveats=(*estimate.caveats, *admitted.caveats[segment_id]))
            scores.append(SliceScore(segment_id, plane, mask, estimate, content, self.volume.window.describe(), box))
            progress(min(1.0, seen / max(1, total)), f"{self.title}: slice {plane.index}")
        raise_if_cancelled(should_cancel)
        progress(1.0, self.title)
        return JobResult(tuple(scores), message=admitted.message(len(scores), unchanged), problem=admitted.problem)


@dataclass(frozen=True)
class MissingJob:
    """Judge slices without a mask between slices with one, and the slice beyond each end, by the engine's
    `MissingSliceDetector`: the neighbour's box is carried over, and what it finds there must be good and alike."""

    volume: VolumeSnapshot
    judge: MissingSliceDetector
    axis: int
    segments: dict[str, LabelArray]
    known: dict[Key, str] = field(default_factory=dict)
    allow_cropped: bool = False
    title: str = "Looking for missing slices"

    def run(self, progress: Progress = no_progress, should_cancel: ShouldCancel = never_cancel) -> JobResult:
        """Scores of kind MISSING: `mask` is what was found, the estimate is that of the empty mask (Dice 0).

        Raises CancelledError.
        """
        scores: list[SliceScore] = []
        admitted = admit(self.volume, self.segments, {}, self.allow_cropped).segments  # the others were said
        todo = [(s, a, gap) for s, a in admitted.items() for gap in self._gaps(a, should_cancel)]
        for done, (segment_id, array, (index, source)) in enumerate(todo):
            raise_if_cancelled(should_cancel)
            progress(done / len(todo), f"{self.title}: slice {index}")
            score = self._judged(segment_id, array, index, source, should_cancel)
            if score is not None:
                scores.append(score)
        progress(1.0, self.title)
        return JobResult(tuple(scores), message=f"{len(scores)} slices may lack a mask.")

    def _gaps(self, array: LabelArray, should_cancel: ShouldCancel) -> list[tuple[int, int]]:
        """(empty slice, nearest slice with a mask)."""
        filled = []
        for index in slice_range(self.volume, array, self.axis):
            raise_if_cancelled(should_cancel)
            if array.slice(self.volume.plane(self.axis, index)).any():
                filled.append(index)
        if not filled:
            return []
        count = self.volume.dims[self.axis]
        ends = range(max(0, filled[0] - 1), min(count, filled[-1] + 2))
        return [(i, min(filled, key=lambda f: abs(f - i))) for i in ends if i not in set(filled)]

    def _judged(
        self, segment_id: str, array: LabelArray, index: int, source: int, should_cancel: ShouldCancel
    ) -> SliceScore | None:
        plane, near = self.volume.plane(self.axis, index), self.volume.plane(self.axis, source)
        content = content_hash(np.zeros(plane.shape, bool), self.volume.image_hash(plane))
        if self.known.get((segment_id, *plane.key)) == content:
            return None
        judged = self.judge.judge(
            self.volume.slice_input(plane), self.volume.slice_input(near), array.slice(near), should_cancel
        )
        if judged.finding is not EmptySliceStatus.MISSING or judged.found is None:
            return None
        return SliceScore(
            segment_id,
            plane,
            judged.found,
            judged.estimate,
            content,
            self.volume.window.describe(),
            judged.box,
            self.judge.segmenter,
            MISSING,
        )


def slice_range(volume: VolumeSnapshot, array: LabelArray, axis: int) -> range:
    """Slices of the volume that a segment's stored voxels can reach."""
    count = volume.dims[axis]
    if array.array.size == 0:
        return range(0)
    k, j, i = array.array.shape
    corners = np.array([[x, y, z, 1] for x in (-0.5, i - 0.5) for y in (-0.5, j - 0.5) for z in (-0.5, k - 0.5)])
    along = (corners @ (np.linalg.inv(volume.ijk_to_ras) @ array.array_to_ras).T)[:, axis]
    return range(max(0, int(np.floor(along.min()))), min(count, int(np.ceil(along.max())) + 1))


def finished(
    job: BoxJob | PropagateJob, plane: SlicePlane, result: SliceResult, should_cancel: ShouldCancel
) -> SliceScore:
    """The mask as the segmentation's own voxels will hold it; scored again where that differs from the answer."""
    volume, pipeline = job.volume, job.pipeline
    mask, estimate = result.mask, result.estimate
    held = _as_stored(plane, mask, job.grid_to_ras)
    if not np.array_equal(held, mask):
        mask = held
        estimate = next(pipeline.score([(volume.slice_input(plane), mask, result.box)], should_cancel=should_cancel))
        if not plane.oblique:  # an oblique slice never has voxels of its own, and its row says so
            estimate = replace(estimate, caveats=(*estimate.caveats, Caveat.RESAMPLED))
    return SliceScore(
        job.segment_id,
        plane,
        mask,
        estimate,
        content_hash(mask, volume.image_hash(plane)),
        volume.window.describe(),
        result.box,
        pipeline.segmenter.name if pipeline.segmenter is not None else "",
        write=result.mask,
    )


def _as_stored(plane: SlicePlane, mask: np.ndarray, grid_to_ras: np.ndarray) -> np.ndarray:
    found = stamp(plane, mask, grid_to_ras)
    if found is None:
        return np.zeros_like(mask)
    first = np.eye(4)
    first[:3, 3] = found.extent[::2]
    return LabelArray(found.value, 1, grid_to_ras @ first).slice(plane)
