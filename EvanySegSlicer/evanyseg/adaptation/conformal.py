"""Intervals from few subjects: conformal prediction whose unit is the subject, not the mask.

Masks of one subject are alike, so that a hundred masks of three people are worth three, not a hundred. Each subject has
the weight 1 / (S + 1), shared by its masks; the missing weight belongs to the one to come (hierarchical conformal
prediction, Lee, Barber and Willett, arXiv 2306.06342, with residuals of models that never saw the subject: Barber et
al., jackknife+, arXiv 1905.02928).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEVEL = 0.9


def attainable_level(subjects: int, level: float = LEVEL) -> float:
    """The highest level up to `level` that residuals of so many subjects can vouch for: S / (S + 1)."""
    return min(level, subjects / (subjects + 1)) if subjects else 0.0


def grouped_quantile(scores: np.ndarray, groups: np.ndarray, weight: np.ndarray, level: float) -> float:
    """The smallest score q such that subjects' masks with scores <= q hold the share `level` of S + 1 subjects.

    scores [N] >= 0; groups [N]: which subject; weight [N]: of masks within their subject. inf where S subjects cannot
    vouch for `level`.
    """
    names, index = np.unique(groups, return_inverse=True)
    of_group = np.bincount(index, weight, minlength=len(names))
    share = weight / of_group[index] / (len(names) + 1)
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(share[order])
    enough = np.flatnonzero(reached >= level - 1e-9)
    return float(scores[order][enough[0]]) if len(enough) else float("inf")


@dataclass(frozen=True)
class GroupedInterval:
    """half [B]: half width per range of the prediction; edges [B - 1] ascending; level: nominal; subjects: how many
    vouch for it; one_subject: it speaks of that subject alone."""

    half: tuple[float, ...]
    edges: tuple[float, ...]
    level: float
    subjects: int

    def around(self, dice: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(low, high), each [N], in [0, 1]."""
        half = np.array(self.half)[np.searchsorted(np.array(self.edges), dice, side="right")]
        return np.clip(dice - half, 0, 1), np.clip(dice + half, 0, 1)


def fit_interval(
    truth: np.ndarray, left_out: np.ndarray, groups: np.ndarray, weight: np.ndarray, level: float = LEVEL
) -> GroupedInterval:
    """From predictions [N] by models that never saw the mask's subject. Two ranges of the prediction (about its
    weighted median) where each has subjects enough, else one."""
    residual = np.abs(truth - left_out)
    subjects = len(np.unique(groups))
    reachable = attainable_level(subjects, level)
    order = np.argsort(left_out)
    middle = float(
        left_out[order][np.searchsorted(np.cumsum(weight[order]), weight.sum() / 2).clip(max=len(order) - 1)]
    )
    parts = [left_out < middle, left_out >= middle]
    if all(attainable_level(len(np.unique(groups[p])), level) >= reachable and p.any() for p in parts):
        halves = [grouped_quantile(residual[p], groups[p], weight[p], reachable) for p in parts]
        if np.isfinite(halves).all():
            return GroupedInterval(tuple(halves), (middle,), reachable, subjects)
    half = grouped_quantile(residual, groups, weight, reachable)
    return GroupedInterval((half if np.isfinite(half) else 1.0,), (), reachable, subjects)
