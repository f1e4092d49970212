"""From scores of slices to what a person reads: one line per segment, and the order in which to look."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from ..bands import BandThresholds, QualityBand


class Scored(Protocol):
    """What summaries need of a scored slice: its index, its mask's area in pixels, its dice (NaN: unscored)."""

    @property
    def index(self) -> int: ...

    @property
    def area(self) -> float: ...

    @property
    def dice(self) -> float: ...


@dataclass(frozen=True)
class WorstRun:
    """The run of neighbouring poor slices `first`..`last` (inclusive) in which most of the object lies."""

    first: int
    last: int
    area: float
    mean_dice: float


@dataclass(frozen=True)
class SegmentSummary:
    """One segment along one axis.

    mean_dice: mean of the slices weighted by area (NaN when none is scored); median and worst of the slices;
    poor_fraction / check_fraction: part of the scored area that lies on such slices; `missing`: slices where the
    object seems to have been left out; `segment_id`: tells segments of one name apart, where there are ids.
    """

    segment: str
    slices: int
    scored: int
    unscored: int
    missing: int
    mean_dice: float
    median_dice: float
    worst_dice: float
    worst_index: int | None
    poor_fraction: float
    check_fraction: float
    worst_run: WorstRun | None
    segment_id: str = ""

    def band(self, bands: BandThresholds) -> QualityBand:
        return bands.band(self.mean_dice)


Row = TypeVar("Row", bound=Scored)


def summarize(
    segment: str, rows: Sequence[Scored], bands: BandThresholds | None = None, missing: int = 0
) -> SegmentSummary:
    """Summary of the slices of one segment along one axis, in any order.

    Slices with no mask and no score carry no weight; a scored slice without area (a missed one) weighs like the
    median slice, so that leaving the object out is never free.
    """
    bands = bands or BandThresholds()
    scored = [r for r in rows if not math.isnan(r.dice)]
    if not scored:
        nothing = math.nan
        return SegmentSummary(
            segment=segment,
            slices=len(rows),
            scored=0,
            unscored=len(rows),
            missing=missing,
            mean_dice=nothing,
            median_dice=nothing,
            worst_dice=nothing,
            worst_index=None,
            poor_fraction=nothing,
            check_fraction=nothing,
            worst_run=None,
        )
    dice = np.array([r.dice for r in scored])
    area = np.array([float(r.area) for r in scored])
    weight = slice_weights(area)
    kinds = np.array([bands.band(d).value for d in dice])
    worst = int(np.argmin(dice))
    part = lambda kind: weighted_mean((kinds == kind.value).astype(float), weight)
    return SegmentSummary(
        segment=segment,
        slices=len(rows),
        scored=len(scored),
        unscored=len(rows) - len(scored),
        missing=missing,
        mean_dice=weighted_mean(dice, weight),
        median_dice=float(np.median(dice)),
        worst_dice=float(dice[worst]),
        worst_index=scored[worst].index,
        poor_fraction=part(QualityBand.POOR),
        check_fraction=part(QualityBand.CHECK),
        worst_run=worst_run([(r.index, d, w) for r, d, w in zip(scored, dice, weight, strict=True)], bands),
    )


def slice_weights(area: np.ndarray) -> np.ndarray:
    """How much each scored slice counts in a mean: its mask's area, the median of the others where it has none."""
    typical = float(np.median(area[area > 0])) if (area > 0).any() else 1.0
    return np.where(area > 0, area, typical)


def weighted_mean(values: np.ndarray, weight: np.ndarray) -> float:
    """Weights are scaled first (by a power of two: exactly), or products with the least of numbers would be 0."""
    share = np.ldexp(weight, -np.frexp(weight.max())[1])
    return float((values * share).sum() / share.sum())


def worst_run(slices: Sequence[tuple[int, float, float]], bands: BandThresholds) -> WorstRun | None:
    """Of (index, dice, area): the run of neighbouring poor slices with most missing agreement.

    Weighed by the sum of area x (1 - dice), so that a long run of bad slices outranks one dreadful speck.
    """
    runs: list[list[tuple[int, float, float]]] = []
    for item in sorted(slices):
        if bands.band(item[1]) is not QualityBand.POOR:
            continue
        if runs and item[0] == runs[-1][-1][0] + 1:
            runs[-1].append(item)
        else:
            runs.append([item])
    if not runs:
        return None
    loss: Callable[[list[tuple[int, float, float]]], float] = lambda run: sum(a * (1 - d) for _, d, a in run)
    run = max(runs, key=loss)
    area = sum(a for _, _, a in run)
    dice, areas = np.array([d for _, d, _ in run]), np.array([a for _, _, a in run])
    mean = weighted_mean(dice, areas) if area else float(np.mean(dice))
    return WorstRun(run[0][0], run[-1][0], area, mean)


def rank_worst_first(rows: Sequence[Row]) -> list[Row]:
    """The order in which a person should look: lowest dice first, larger objects first among equals, unscored last."""
    return sorted(rows, key=lambda r: (math.isnan(r.dice), 0.0 if math.isnan(r.dice) else r.dice, -r.area, r.index))
