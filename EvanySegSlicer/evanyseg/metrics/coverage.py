"""Intervals: do they hold the truth as often as they say, and how wide are they."""

from __future__ import annotations

import numpy as np

from .bootstrap import Interval, group_counts, interval


def covered(truth: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """1.0 where low <= truth <= high."""
    return ((truth >= low - 1e-9) & (truth <= high + 1e-9)).astype(float)


def coverage(truth: np.ndarray, low: np.ndarray, high: np.ndarray, groups: np.ndarray, seed: int = 0) -> Interval:
    """Share of truths inside, with a 95 % interval from resampling groups (subjects)."""
    inside = covered(truth, low, high)
    counts = np.concatenate([np.ones((1, len(inside))), group_counts(groups, seed=seed)])
    return interval(counts @ inside / counts.sum(1))


def terciles(values: np.ndarray) -> np.ndarray:
    """0, 1 or 2 for each value [n]: its third of the sorted values (ties by position)."""
    rank = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    return np.minimum(3 * rank // max(len(values), 1), 2)
