"""One scoring of one segmentation, gathered: rows, summaries, the overlay volume, and the slices worth a picture."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field, replace

import numpy as np

from ..bands import BandThresholds
from ..overlay_codes import code_of, paint, severity
from ..protocols import Progress, ShouldCancel, never_cancel, no_progress
from .missing_slices import EmptySliceStatus
from .summary import SegmentSummary, rank_worst_first, summarize
from .volumes import SliceScore, VolumeScorer


@dataclass(frozen=True)
class ScoreRun:
    """rows without masks, in order of slices; summaries in order of segments, for those with a mask somewhere;
    overlay uint8 [K, J, I] or None; pictured: the worst rows with their masks, worst first."""

    rows: list[SliceScore]
    summaries: list[SegmentSummary]
    overlay: np.ndarray | None = field(repr=False)
    pictured: list[SliceScore] = field(repr=False)

    @property
    def worst_first(self) -> list[SliceScore]:
        """Rows that a person should look at, in order: slices where the object seems absent are left out."""
        return rank_worst_first([r for r in self.rows if r.finding is not EmptySliceStatus.ABSENT])


def run_scoring(
    scorer: VolumeScorer,
    bands: BandThresholds,
    overlay: bool = False,
    images: int = 0,
    progress: Progress = no_progress,
    should_cancel: ShouldCancel = never_cancel,
) -> ScoreRun:
    """Score everything `scorer` has, holding the masks of `images` slices at most. Raises CancelledError."""
    stack = scorer.stack
    scorer.keep_masks = overlay or images > 0
    severities = severity(bands)
    painted = np.zeros(stack.volume.shape, np.uint8) if overlay else None
    rows: list[SliceScore] = []
    worst: list[tuple[float, int, SliceScore]] = []
    for number, score in enumerate(scorer.scores(progress, should_cancel)):
        if painted is not None and score.mask is not None and score.mask.any():
            paint(stack.planes.take(painted, score.index), score.mask, code_of(score.dice), severities)
        if images and score.finding is not EmptySliceStatus.ABSENT:
            # a heap with the best of the worst on top; unscored rows rank as 1, for they too need a look
            entry = (-1.0 if math.isnan(score.dice) else -score.dice, -number, score)
            (heapq.heappush if len(worst) < images else heapq.heappushpop)(worst, entry)
        rows.append(replace(score, mask=None))
    rows.sort(key=lambda r: (r.index, r.segment, r.segment_id))
    pictured = rank_worst_first([score for _, _, score in worst])
    return ScoreRun(rows, _summaries(scorer, rows, bands), painted, pictured)


def _summaries(scorer: VolumeScorer, rows: list[SliceScore], bands: BandThresholds) -> list[SegmentSummary]:
    by_segment: dict[str, list[SliceScore]] = {s.id: [] for s in scorer.stack.segments}
    for row in rows:
        by_segment[row.segment_id].append(row)
    found = []
    for segment in scorer.stack.segments:
        mine = by_segment[segment.id]
        if not mine:
            continue
        missing = sum(r.finding is EmptySliceStatus.MISSING for r in mine)
        counted = [r for r in mine if r.finding in (EmptySliceStatus.MASK, EmptySliceStatus.MISSING)]
        found.append(replace(summarize(segment.name, counted, bands, missing), segment_id=segment.id))
    return found
