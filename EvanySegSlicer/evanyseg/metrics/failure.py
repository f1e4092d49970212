"""Failure detection: low predictions should point at low truth."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from .bootstrap import Metric
from .ties import TieGroups

_TPR = 0.95


def _failures(
    truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Weights [B, G] of failures (truth < threshold) and of the rest, by groups of ascending prediction."""
    failed = truth < threshold
    groups = TieGroups.of(prediction)
    return groups.sums(weights * failed), groups.sums(weights * ~failed)


def _unless_one_sided(value: np.ndarray, positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    return np.where((positives > 0) & (negatives > 0), value, np.nan)


def auroc(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray, threshold: float = 0.8) -> np.ndarray:
    """Area under the ROC curve of 'truth < threshold' by low prediction; ties count half."""
    bad, good = _failures(truth, prediction, weights, threshold)
    positives, negatives = bad.sum(1), good.sum(1)
    above = negatives[:, None] - np.cumsum(good, axis=1)
    area = (bad * (above + good / 2)).sum(1) / np.maximum(positives * negatives, 1e-12)
    return _unless_one_sided(area, positives, negatives)


def average_precision(
    truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray, threshold: float = 0.8
) -> np.ndarray:
    """Average precision of the same (scikit-learn's definition: no interpolation)."""
    bad, good = _failures(truth, prediction, weights, threshold)
    positives = bad.sum(1)
    found, seen = np.cumsum(bad, axis=1), np.cumsum(bad + good, axis=1)
    value = (bad * found / np.maximum(seen, 1e-12)).sum(1) / np.maximum(positives, 1e-12)
    return _unless_one_sided(value, positives, good.sum(1))


def fpr_at_tpr(
    truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray, threshold: float = 0.8, tpr: float = _TPR
) -> np.ndarray:
    """Share of good masks flagged when at least `tpr` of the failures are."""
    bad, good = _failures(truth, prediction, weights, threshold)
    positives, negatives = bad.sum(1), good.sum(1)
    enough = np.cumsum(bad, axis=1) >= tpr * positives[:, None] - 1e-9
    at = enough.argmax(axis=1)
    flagged = np.cumsum(good, axis=1)[np.arange(len(at)), at]
    return _unless_one_sided(flagged / np.maximum(negatives, 1e-12), positives, negatives)


def aurc(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Area under the risk-coverage curve, risk = 1 - truth: mean over k of the mean risk of the k cases with the
    highest predictions. Ties are taken in random order: their expected value is used. Source: Geifman et al. 2019."""
    groups = TieGroups.of(-prediction)
    size = groups.sums(weights)
    risk = groups.sums(weights * (1 - truth))
    before_n, before_r = np.cumsum(size, axis=1) - size, np.cumsum(risk, axis=1) - risk
    level = risk / np.maximum(size, 1e-12)
    area = np.zeros(len(weights))
    for k in range(1, int(size.max(initial=0)) + 1):
        inside = size >= k
        area += np.where(inside, (before_r + k * level) / (before_n + k), 0.0).sum(1)
    return area / weights.sum(1)


def aurc_optimal(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """AURC of the truth itself."""
    return aurc(truth, truth, weights)


def e_aurc(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """AURC minus the optimal one."""
    return aurc(truth, prediction, weights) - aurc_optimal(truth, prediction, weights)


def n_aurc(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(AURC of random order - AURC) / (AURC of random order - optimal AURC): 1 is the oracle, 0 is chance."""
    random = weights @ (1 - truth) / weights.sum(1)
    room = random - aurc_optimal(truth, prediction, weights)
    return np.where(room > 1e-9, (random - aurc(truth, prediction, weights)) / np.maximum(room, 1e-9), np.nan)


def risk_coverage(truth: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(coverage [n], selective risk [n]) for plots, most confident first."""
    order = np.argsort(-prediction, kind="stable")
    k = np.arange(1, len(truth) + 1)
    return k / len(truth), np.cumsum(1 - truth[order]) / k


def at(metric: Callable[..., np.ndarray], threshold: float) -> Metric:
    """One of the above with its threshold set."""
    return partial(metric, threshold=threshold)
