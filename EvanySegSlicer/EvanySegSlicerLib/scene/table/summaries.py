"""Rows of one segment along one axis as one line: the engine's summary of the scores, and the state of the review."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evanyseg.bands import BandThresholds, QualityBand
from evanyseg.scoring.summary import SegmentSummary, summarize

from .records import MASK, ScoreRecord


def score_summary(segment: str, rows: Sequence[ScoreRecord], thresholds: BandThresholds) -> SegmentSummary:
    """The engine's summary, weighted by mm2. `Missing?` rows count as it counts them: a Dice of 0 with the weight of a
    typical slice, so that leaving the object out is never free."""
    return summarize(segment, rows, thresholds, sum(r.kind != MASK for r in rows))


@dataclass(frozen=True)
class SegmentReview:
    """One segment along one axis. poor: masks in the band; wrong_mm2: expected wrong area, all rows together."""

    segment_id: str
    axis: int
    scores: SegmentSummary
    reviewed: int
    poor: int
    stale: int
    wrong_mm2: float


def review_summaries(rows: Iterable[ScoreRecord], thresholds: BandThresholds) -> list[SegmentReview]:
    """One line per segment and axis, in the order of first appearance; `thresholds`: what counts as poor."""
    groups: dict[tuple[str, int], list[ScoreRecord]] = {}
    for row in rows:
        groups.setdefault((row.segment_id, row.axis), []).append(row)
    return [
        SegmentReview(
            segment_id=segment_id,
            axis=axis,
            scores=score_summary(group[0].segment, group, thresholds),
            reviewed=sum(bool(r.decision) for r in group),
            poor=sum(r.kind == MASK and thresholds.band(r.dice) is QualityBand.POOR for r in group),
            stale=sum(bool(r.stale) for r in group),
            wrong_mm2=sum(r.wrong_mm2 for r in group if not math.isnan(r.wrong_mm2)),
        )
        for (segment_id, axis), group in groups.items()
    ]
