"""How close predictions are to the truth, and whether they order it: correlation, error, calibration, order."""

from __future__ import annotations

from functools import partial

import numpy as np

from .bootstrap import Metric
from .ties import midranks

BETAS = (0.0, 0.05, 0.1, 0.2, 0.3)
_FLAT = 1e-12


def _moments(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weighted var(x), var(y), cov(x, y), each [B]; x and y are [n] or [B, n]."""
    total = w.sum(1, keepdims=True)
    dx = x - (w * x).sum(1, keepdims=True) / total
    dy = y - (w * y).sum(1, keepdims=True) / total
    total = total[:, 0]
    return (w * dx * dx).sum(1) / total, (w * dy * dy).sum(1) / total, (w * dx * dy).sum(1) / total


def _correlation(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
    """0 for a flat prediction (it orders nothing), NaN for a flat truth (there is nothing to order)."""
    vx, vy, cov = _moments(x, y, w)
    r = cov / np.sqrt(np.maximum(vx * vy, _FLAT**2))
    r = np.where(vy <= _FLAT, 0.0, r)
    return np.where(vx <= _FLAT, np.nan, r)


def pearson(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Pearson correlation."""
    return _correlation(truth, prediction, weights)


def spearman(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Spearman correlation: Pearson of average ranks, ranked anew in each resample."""
    return _correlation(midranks(truth, weights), midranks(prediction, weights), weights)


def correlation(truth: np.ndarray, prediction: np.ndarray, ranks: bool = False, fewest: int = 3) -> float:
    """`pearson` (or, of `ranks`, `spearman`) of all cases once, by the same rule for constants; NaN below `fewest`."""
    if len(truth) < fewest:
        return float("nan")
    return float((spearman if ranks else pearson)(truth, prediction, np.ones((1, len(truth))))[0])


def mae(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean absolute error."""
    return weights @ np.abs(prediction - truth) / weights.sum(1)


def bias(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of prediction minus truth."""
    return weights @ (prediction - truth) / weights.sum(1)


def r2(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """1 - squared error over that of the constant that knows the mean of these very cases."""
    variance = _moments(truth, truth, weights)[0]
    error = weights @ (prediction - truth) ** 2 / weights.sum(1)
    return np.where(variance > _FLAT, 1 - error / np.maximum(variance, _FLAT), np.nan)


def sd_truth(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Standard deviation of the truth: read every correlation beside it."""
    return np.sqrt(_moments(truth, truth, weights)[0])


def mean_truth(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return weights @ truth / weights.sum(1)


def slope(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Slope of truth regressed on prediction (1 is calibrated); NaN for a flat prediction."""
    vp, _, cov = _moments(prediction, truth, weights)
    return np.where(vp > _FLAT, cov / np.maximum(vp, _FLAT), np.nan)


def intercept(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Intercept of the same line (0 is calibrated)."""
    total = weights.sum(1)
    return weights @ truth / total - slope(truth, prediction, weights) * (weights @ prediction) / total


def regression_ece(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray, bins: int = 10) -> np.ndarray:
    """Expected calibration error: |mean prediction - mean truth| in equal bins of prediction over [0, 1], weighted."""
    index = np.clip((prediction * bins).astype(int), 0, bins - 1)
    one_hot = np.eye(bins)[index]
    gap = weights @ (one_hot * (prediction - truth)[:, None])
    return np.abs(gap).sum(1) / weights.sum(1)


def beta_accuracy(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray, beta: float = 0.0) -> np.ndarray:
    """Share of pairs of cases with |difference of truth| >= beta that the prediction puts in the right order.

    Ties are wrong, in either. Without ties and with beta 0 this is (Kendall's tau + 1) / 2.
    Source: Definition 3.3 of arXiv 2409.14874.
    """
    dt = truth[:, None] - truth[None]
    right = (np.sign(dt) * np.sign(prediction[:, None] - prediction[None])) > 0
    counted = np.abs(dt) >= beta - 1e-12
    np.fill_diagonal(counted, False)
    good = ((weights @ (counted & right).astype(float)) * weights).sum(1)
    every = ((weights @ counted.astype(float)) * weights).sum(1)
    return np.where(every > 0, good / np.maximum(every, 1), np.nan)


def beta_metric(beta: float) -> Metric:
    return partial(beta_accuracy, beta=beta)


def within_group(
    truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray, groups: np.ndarray, least: int = 3
) -> np.ndarray:
    """Mean over groups (the masks of one object) of the Spearman correlation inside the group, [B].

    Groups with fewer than `least` cases or a flat truth are left out; a flat prediction counts as 0. The weight of a
    group in a resample is that of its first case (cases of one image are always drawn together).
    """
    _, first, member = np.unique(groups, return_index=True, return_inverse=True)
    values = np.full(len(first), np.nan)
    for g in range(len(first)):
        at = np.flatnonzero(member == g)
        if len(at) >= least:
            values[g] = spearman(truth[at], prediction[at], np.ones((1, len(at))))[0]
    kept = np.isfinite(values)
    of_group = weights[:, first[kept]]
    total = of_group.sum(1)
    return np.where(total > 0, of_group @ values[kept] / np.maximum(total, 1), np.nan)
