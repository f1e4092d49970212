"""Finding the worst cases of a class: MAP@k (Quality Sentinel, arXiv 2406.00327) and precision@k."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def average_precision_at_k(truth: np.ndarray, prediction: np.ndarray, k: int) -> float:
    """Relevant are the k truly worst; the ranking is ascending by prediction, over all cases."""
    n = len(truth)
    k = min(k, n)
    relevant = np.zeros(n, bool)
    relevant[np.argsort(truth, kind="stable")[:k]] = True
    ranked = relevant[np.argsort(prediction, kind="stable")]
    precision = np.cumsum(ranked) / np.arange(1, n + 1)
    return float((precision * ranked).sum() / k)


def precision_at_k(truth: np.ndarray, prediction: np.ndarray, k: int) -> float:
    """Share of the k lowest predictions that are among the k truly worst."""
    k = min(k, len(truth))
    worst = set(np.argsort(truth, kind="stable")[:k])
    return len(worst & set(np.argsort(prediction, kind="stable")[:k])) / k


AtK = Callable[[np.ndarray, np.ndarray, int], float]
"""(truth [n], prediction [n], k) -> value."""


def mean_over_classes(metric: AtK, truth: np.ndarray, prediction: np.ndarray, classes: np.ndarray, k: int) -> float:
    """Mean of a metric over classes with more than k cases; NaN when there is none."""
    values = [
        metric(truth[classes == name], prediction[classes == name], k)
        for name in np.unique(classes)
        if (classes == name).sum() > k
    ]
    return float(np.mean(values)) if values else float("nan")
