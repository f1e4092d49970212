"""Which slices to look at first, and what a segmentation looks like as a whole: plain records in, plain values out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evanyseg.bands import BandThresholds, QualityBand
from evanyseg.scoring.summary import summarize

from ..table.records import MASK, Key, ScoreRecord

ORDERS = ("wrong area", "dice")
"""By expected wrong area in mm2 (tiny end slices do not fill the queue), or by predicted Dice."""


@dataclass(frozen=True)
class Filters:
    """What the queue shows; empty tuples mean: all. states: open, stale, missing?, accepted, flagged."""

    segments: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    axis: int | None = None
    min_area_mm2: float = 0.0

    def keep(self, row: ScoreRecord) -> bool:
        return (
            (not self.segments or row.segment_id in self.segments)
            and (not self.bands or row.band in self.bands)
            and (not self.states or row.state in self.states)
            and (self.axis is None or row.axis == self.axis)
            and row.area_mm2 >= self.min_area_mm2
        )


def ranked(rows: Iterable[ScoreRecord], order: str = "wrong area", filters: Filters | None = None) -> list[ScoreRecord]:
    """Worst first. Slices that could not be scored come before the good ones but after the poor ones of their order:
    for "wrong area" they count their whole area at even odds, for "dice" they come last."""
    if order not in ORDERS:
        raise ValueError(f"Unknown order '{order}'; choose one of {', '.join(ORDERS)}.")
    kept = [r for r in rows if filters is None or filters.keep(r)]
    return sorted(kept, key=_by_area if order == "wrong area" else _by_dice)


def _by_area(row: ScoreRecord) -> tuple:
    wrong = row.wrong_mm2 if not math.isnan(row.wrong_mm2) else 0.5 * row.area_mm2
    return -wrong, *_place(row)


def _by_dice(row: ScoreRecord) -> tuple:
    return (row.dice if row.scored else math.inf), *_place(row)


def _place(row: ScoreRecord) -> tuple:
    return row.segment_id, row.axis, row.index


def neighbour(queue: Sequence[ScoreRecord], current: Key | None, step: int = 1) -> ScoreRecord | None:
    """The row after (step 1) or before (-1) the current one, round the end; the first when the current is not in it."""
    if not queue:
        return None
    keys = [r.key for r in queue]
    if current not in keys:
        return queue[0 if step > 0 else -1]
    return queue[(keys.index(current) + step) % len(queue)]


@dataclass(frozen=True)
class SegmentSummary:
    """One segment along one axis. mean_dice: weighted by area; worst_run: first and last index of the run of
    neighbouring poor slices with most wrong area (None when none is poor); poor_share: part of the scored area that
    is poor."""

    segment_id: str
    segment: str
    axis: int
    slices: int
    scored: int
    reviewed: int
    poor: int
    stale: int
    missing: int
    mean_dice: float
    worst_dice: float
    wrong_mm2: float
    worst_run: tuple[int, int] | None
    poor_share: float


def summarise(rows: Iterable[ScoreRecord], thresholds: BandThresholds) -> list[SegmentSummary]:
    """One line per segment and axis, in the order of first appearance; `thresholds`: what counts as poor."""
    groups: dict[tuple[str, int], list[ScoreRecord]] = {}
    for row in rows:
        groups.setdefault((row.segment_id, row.axis), []).append(row)
    return [_summary(group, thresholds) for group in groups.values()]


def _summary(group: list[ScoreRecord], thresholds: BandThresholds) -> SegmentSummary:
    masks = [r for r in group if r.kind == MASK]
    # the engine weighs by `area`; here that is mm2, which along one axis is the same
    weighed = [_Weighed(r.index, r.area_mm2, r.dice) for r in masks]
    engine = summarize(group[0].segment, weighed, thresholds, len(group) - len(masks))
    run = engine.worst_run
    return SegmentSummary(
        group[0].segment_id,
        group[0].segment,
        group[0].axis,
        slices=engine.slices,
        scored=engine.scored,
        reviewed=sum(bool(r.decision) for r in group),
        poor=sum(thresholds.band(r.dice) is QualityBand.POOR for r in masks),
        stale=sum(r.stale for r in group),
        missing=engine.missing,
        mean_dice=engine.mean_dice,
        worst_dice=engine.worst_dice,
        wrong_mm2=sum(r.wrong_mm2 for r in group if not math.isnan(r.wrong_mm2)),
        worst_run=(run.first, run.last) if run is not None else None,
        poor_share=engine.poor_fraction,
    )


@dataclass(frozen=True)
class _Weighed:
    index: int
    area: float
    dice: float


def counts(rows: Iterable[ScoreRecord]) -> str:
    """'12 of 40 reviewed, 5 poor, 3 stale': the line above the queue."""
    listed = list(rows)
    poor = sum(r.band == QualityBand.POOR.value and r.kind == MASK for r in listed)
    text = f"{sum(bool(r.decision) for r in listed)} of {len(listed)} reviewed, {poor} poor"
    for name, number in (
        ("unscored", sum(not r.scored for r in listed)),
        ("stale", sum(r.stale for r in listed)),
        ("missing?", sum(r.kind != MASK for r in listed)),
    ):
        text += f", {number} {name}" if number else ""
    return text
