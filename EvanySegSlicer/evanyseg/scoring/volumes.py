"""Scores every label on every slice of a stack, one slice in memory at a time.

Existing segmentations have no prompt boxes: each mask's bounding box is used. Slices without a mask between others
(gaps), and the slice beyond each end, are assessed by carrying the neighbour's box over (`missing_slices`).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from ..geometry.plane_stack import evenly
from ..io.segmentation import Segment
from ..pipeline.slice_pipeline import ScoreCase, SliceInput, SlicePipeline
from ..prompts import BoxPrompt
from ..protocols import Progress, ShouldCancel, never_cancel, no_progress, raise_if_cancelled
from ..results import QualityEstimate
from .missing_slices import EmptySliceStatus, MissingSliceDetector, empty_slices
from .stacks import SliceStack


@dataclass(frozen=True)
class SliceScore:
    """One segment on one slice: `segment_id` tells segments of one name apart. position in mm
    (`SlicePlane.position_mm`), area in pixels, box in pixels of the display frame.

    `finding` tells what an empty slice is: see `EmptySliceStatus`; on slices with a mask it is `EmptySliceStatus.MASK`.
    """

    segment: str
    plane: str
    index: int
    position: float
    area: int
    estimate: QualityEstimate
    box: BoxPrompt | None = None
    finding: EmptySliceStatus = EmptySliceStatus.MASK
    intensity: str = ""
    segmenter: str = ""
    mask: np.ndarray | None = field(default=None, repr=False, compare=False)
    segment_id: str = ""

    @property
    def dice(self) -> float:
        return self.estimate.dice


class VolumeScorer:
    """Scores a stack. `detector` assesses slices without a mask; None leaves gaps unscored and does not look beyond
    the ends. `keep_masks`: give each result its mask (for overlays and pictures). `most`: of each segment so many
    slices with a mask at most, spread evenly over them; empty slices are not looked at then. `label`: what all segments
    are meant to be, for estimators that ask ('': what they are called)."""

    def __init__(
        self,
        stack: SliceStack,
        pipeline: SlicePipeline,
        detector: MissingSliceDetector | None = None,
        keep_masks: bool = False,
        most: int | None = None,
        label: str = "",
    ) -> None:
        self.stack, self.label = stack, label
        self.most = most
        self.pipeline = pipeline
        self.detector = detector
        self.keep_masks = keep_masks

    def scores(
        self, progress: Progress = no_progress, should_cancel: ShouldCancel = never_cancel
    ) -> Iterator[SliceScore]:
        """Slice by slice, all segments of a slice together; then the empty slices, segment by segment.

        Raises CancelledError; what was yielded before is complete.
        """
        stack, planes = self.stack, self.stack.planes
        areas, segments = stack.areas, stack.segments
        rows = range(len(segments))
        if stack.only is not None:
            todo, empty = [(stack.only, s) for s in rows], []
        else:
            filled = [np.flatnonzero(areas[s]).tolist() for s in rows]
            todo = sorted((i, s) for s in rows for i in self._asked_for(filled[s]))
            beyond = self.detector is not None
            empty = [(s, i, near) for s in rows for i, near in empty_slices(filled[s], planes.count, beyond)]
            if self.most is not None:
                empty = []
        total = max(1, len(todo) + len(empty))
        waiting: deque[tuple[int, int, np.ndarray]] = deque()

        def cases() -> Iterator[ScoreCase]:
            current: SliceInput | None = None
            at = -1
            for index, row in todo:
                raise_if_cancelled(should_cancel)
                if current is None or index != at:
                    current, at = stack.slice_input(index), index
                mask = stack.mask(segments[row], index)
                waiting.append((index, row, mask))
                yield current, mask, stack.box, self._meant(segments[row])

        done = 0
        for estimate in self.pipeline.score(cases(), should_cancel=should_cancel):
            index, row, mask = waiting.popleft()
            done += 1
            progress(done / total, f"{planes.name} slice {index}")
            doubts = stack.caveats_of(segments[row])
            if doubts:
                estimate = replace(estimate, caveats=tuple(dict.fromkeys(doubts + estimate.caveats)))
            yield self._score(segments[row], index, int(areas[row, index]), estimate, mask)
        for row, index, near in empty:
            raise_if_cancelled(should_cancel)
            done += 1
            progress(done / total, f"empty slice {index} of {segments[row].name}")
            yield self._without_mask(segments[row], index, near, should_cancel)

    def _without_mask(self, segment: Segment, index: int, near: int, should_cancel: ShouldCancel) -> SliceScore:
        stack = self.stack
        mask = np.zeros(stack.planes.shape, bool)
        if self.detector is None:
            estimate = QualityEstimate.unscored(self.pipeline.estimator.name, EmptySliceStatus.GAP.value)
            return replace(self._score(segment, index, 0, estimate, mask), finding=EmptySliceStatus.GAP)
        found = self.detector.assess(
            stack.slice_input(index),
            stack.slice_input(near),
            stack.mask(segment, near),
            should_cancel,
            self._meant(segment),
        )
        score = self._score(segment, index, 0, found.estimate, mask)
        return replace(score, finding=found.finding, box=found.box, segmenter=self.detector.segmenter)

    def _meant(self, segment: Segment) -> str:
        return self.label or segment.name

    def _asked_for(self, filled: list[int]) -> list[int]:
        """Of the slices with a mask those that are scored; of one alone the middle one, which shows most."""
        if self.most is None:
            return filled
        if self.most == 1 and filled:
            return [filled[len(filled) // 2]]
        return [int(index) for index in evenly(np.array(filled, int), self.most)]

    def _score(
        self, segment: Segment, index: int, area: int, estimate: QualityEstimate, mask: np.ndarray
    ) -> SliceScore:
        return SliceScore(
            segment=segment.name,
            segment_id=segment.id,
            plane=self.stack.planes.name,
            index=index,
            position=self.stack.planes.plane(index).position_mm,
            area=area,
            estimate=estimate,
            box=self.stack.box or BoxPrompt.of_mask(mask),
            intensity=self.stack.window.describe(),
            mask=mask if self.keep_masks else None,
        )


def mean_of_slices(scores: list[SliceScore]) -> tuple[float, float, float]:
    """Area-weighted (dice, low, high) of the scored slices: one number for a volume; NaN when none is scored."""
    scored = [s for s in scores if s.estimate.scored and s.area]
    if not scored:
        return math.nan, math.nan, math.nan
    weight = np.array([s.area for s in scored], float)
    values = np.array([(s.estimate.dice, s.estimate.low, s.estimate.high) for s in scored])
    dice, low, high = (float(v) for v in (values * weight[:, None]).sum(axis=0) / weight.sum())
    return dice, low, high
