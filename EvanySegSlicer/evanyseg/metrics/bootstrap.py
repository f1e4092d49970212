"""Resampling of groups (images, subjects), and intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Metric = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
RESAMPLES = 2000


@dataclass(frozen=True)
class Interval:
    """Point estimate with a percentile interval (95 % unless said otherwise); NaN where it cannot be had."""

    value: float
    low: float
    high: float

    def text(self, digits: int = 3) -> str:
        return f"{self.value:.{digits}f} [{self.low:.{digits}f}, {self.high:.{digits}f}]"


def group_counts(groups: np.ndarray, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """float64 [resamples, n]: how often each case is in each resample; groups [n] are drawn whole, with replacement."""
    _, member = np.unique(np.asarray(groups), return_inverse=True)
    count = int(member.max()) + 1 if len(member) else 0
    if count == 0:
        return np.zeros((resamples, 0))
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(count, np.full(count, 1.0 / count), size=resamples)
    return drawn[:, member].astype(np.float64)


def samples(metric: Metric, truth: np.ndarray, prediction: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """[1 + B]: the point estimate first, then the metric of each resample."""
    ones = np.ones((1, len(truth)))
    with np.errstate(divide="ignore", invalid="ignore"):
        return metric(np.asarray(truth, float), np.asarray(prediction, float), np.concatenate([ones, counts]))


def interval(values: np.ndarray, level: float = 0.95) -> Interval:
    """From `samples` output [1 + B]; resamples where the metric does not exist are left out."""
    rest = values[1:][np.isfinite(values[1:])]
    if not len(rest) or not np.isfinite(values[0]):
        return Interval(float(values[0]), float("nan"), float("nan"))
    low, high = np.quantile(rest, ((1 - level) / 2, (1 + level) / 2))
    return Interval(float(values[0]), float(low), float(high))


def macro(per_set: np.ndarray) -> np.ndarray:
    """[1 + B] mean over data sets of [S, 1 + B]: sets are resampled independently of each other; NaN sets are left
    out of a column."""
    with np.errstate(invalid="ignore"):
        count = np.isfinite(per_set).sum(0)
        return np.where(count > 0, np.nansum(per_set, axis=0) / np.maximum(count, 1), np.nan)
