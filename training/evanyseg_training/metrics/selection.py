"""Picking the best of several candidates of one prompt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evanyseg.metrics.bootstrap import Interval, group_counts, interval


@dataclass(frozen=True)
class SelectionResult:
    """`gap_closed`: (selected - best single) / (oracle - best single); NaN without a gap."""

    prompts: int
    candidates: float
    top1: Interval
    regret: Interval
    selected: Interval
    best_single: float
    oracle: float
    gap_closed: Interval


def choose(scores: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
    """Index of the highest score of each row [P, K]; NaN ranks last; the first of equals (or a random one)."""
    filled = np.where(np.isfinite(scores), scores, -np.inf)
    if rng is not None:
        filled = np.where(filled == filled.max(1, keepdims=True), rng.random(filled.shape), -np.inf)
    return filled.argmax(1)


def selection(
    truth: np.ndarray, scores: np.ndarray, single: np.ndarray, groups: np.ndarray, sets: np.ndarray, seed: int = 0
) -> SelectionResult:
    """truth, scores [P, K] (NaN where a candidate does not exist); single [P]: true Dice of the best single segmenter;
    groups [P] are resampled inside their set, and every mean is the mean over sets of the mean over prompts."""
    exists = np.isfinite(truth)
    picked = choose(np.where(exists, scores, -np.inf))
    got = truth[np.arange(len(truth)), picked]
    best = np.nanmax(truth, axis=1)
    columns = np.stack([got >= best - 1e-9, best - got, got, single, best], axis=1).astype(float)
    per_set = []
    for i, name in enumerate(np.unique(sets)):
        at = sets == name
        counts = np.concatenate([np.ones((1, at.sum())), group_counts(groups[at], seed=seed + i)])
        per_set.append(counts @ columns[at] / counts.sum(1, keepdims=True))
    top1, regret, mean, alone, oracle = np.mean(per_set, axis=0).T
    with np.errstate(divide="ignore", invalid="ignore"):
        closed = np.where(oracle - alone > 1e-9, (mean - alone) / (oracle - alone), np.nan)
    return SelectionResult(
        len(truth), float(exists.sum(1).mean()), interval(top1), interval(regret), interval(mean),
        float(alone[0]), float(oracle[0]), interval(closed),
    )  # fmt: skip
