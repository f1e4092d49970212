"""How well an estimator does on cases whose truth is known: every metric with its 95 % interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from . import agreement, failure
from .bootstrap import RESAMPLES, Interval, Metric, group_counts, interval, samples
from .coverage import covered

POOR = 0.8
"""A true Dice below this is a failure."""

METRICS: dict[str, Metric] = {
    "mae": agreement.mae,
    "bias": agreement.bias,
    "pearson": agreement.pearson,
    "spearman": agreement.spearman,
    "auroc<.8": failure.at(failure.auroc, POOR),
    "ap<.8": failure.at(failure.average_precision, POOR),
    "slope": agreement.slope,
    "ece": agreement.regression_ece,
    "sd_true_dice": agreement.sd_truth,
    "mean_true_dice": agreement.mean_truth,
}
COVERAGE, WIDTH = "coverage", "interval_width"


@dataclass(frozen=True)
class Scores:
    """What one estimator said of n cases: dice, low, high [n], NaN where it gave no score; its intervals' level."""

    dice: np.ndarray
    low: np.ndarray
    high: np.ndarray
    level: float


@dataclass(frozen=True)
class Assessment:
    """Metrics of one estimator on the cases that it scored; groups: how many subjects these are of."""

    cases: int
    unscored: int
    groups: int
    level: float
    metrics: Mapping[str, Interval]


def assess(truth: np.ndarray, scores: Scores, groups: np.ndarray, resamples: int = RESAMPLES) -> Assessment:
    """Measure against the true Dice [n]; groups [n] (subjects) are resampled whole. One subject gives no interval."""
    use = np.isfinite(scores.dice)
    true, said, group = truth[use], scores.dice[use], groups[use]
    count = len(np.unique(group))
    level = scores.level
    if not use.any():
        nothing = Interval(float("nan"), float("nan"), float("nan"))
        return Assessment(0, len(truth), 0, level, dict.fromkeys([*METRICS, COVERAGE, WIDTH], nothing))
    counts = group_counts(group, resamples if count > 1 else 0)
    found = {name: interval(samples(metric, true, said, counts)) for name, metric in METRICS.items()}
    low, high = scores.low[use], scores.high[use]
    given = np.isfinite(low) & np.isfinite(high)
    inside, width = np.where(given, covered(true, low, high), 0.0), np.where(given, high - low, 0.0)
    every = np.concatenate([np.ones((1, len(true))), counts])
    for name, values in ((COVERAGE, inside), (WIDTH, width)):
        with np.errstate(invalid="ignore", divide="ignore"):
            found[name] = interval((every @ values) / (every @ given.astype(float)))
    return Assessment(len(true), int((~use).sum()), count, level, found)


def less_error(
    truth: np.ndarray, first: Scores, second: Scores, groups: np.ndarray, resamples: int = RESAMPLES
) -> tuple[Interval, int]:
    """MAE of `second` minus that of `first` on the cases that both scored (below 0: `second` is better), and how many
    these are."""
    use = np.isfinite(first.dice) & np.isfinite(second.dice)
    if not use.any():
        return Interval(float("nan"), float("nan"), float("nan")), 0
    counts = group_counts(groups[use], resamples if len(np.unique(groups[use])) > 1 else 0)
    difference = [samples(agreement.mae, truth[use], s.dice[use], counts) for s in (second, first)]
    return interval(difference[0] - difference[1]), int(use.sum())
