"""Intervals from few subjects: conformal prediction whose unit is the subject, not the mask.

Masks of one subject are alike, so that a hundred masks of three people are worth three, not a hundred. Each subject has
the weight 1 / (S + 1), shared by its masks; the missing weight belongs to the one to come (hierarchical conformal
prediction, Lee, Barber and Willett, arXiv 2306.06342, with residuals of models that never saw the subject: Barber et
al., jackknife+, arXiv 1905.02928). That is exact where masks of a subject are all alike, and too wide where they are
not: then as many subjects count as independent masks would tell as much (Kish's design effect, from the intraclass
correlation of the errors).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEVEL = 0.9


def attainable_level(subjects: int, level: float = LEVEL) -> float:
    """The highest level up to `level` that residuals of so many subjects can vouch for: S / (S + 1)."""
    return min(level, subjects / (subjects + 1)) if subjects else 0.0


def intraclass_correlation(values: np.ndarray, groups: np.ndarray) -> float:
    """Share of the variance of values [N] that lies between groups, in [0, 1] (one-way analysis of variance); 1 where
    that cannot be told: one group, or one value in each."""
    _, index = np.unique(groups, return_inverse=True)
    sizes = np.bincount(index)
    count, total = len(sizes), len(values)
    if count < 2 or total == count:
        return 1.0
    means = np.bincount(index, values) / sizes
    between = float(sizes @ (means - values.mean()) ** 2) / (count - 1)
    within = float(((values - means[index]) ** 2).sum()) / (total - count)
    size = (total - float((sizes**2).sum()) / total) / (count - 1)
    whole = between + (size - 1) * within
    return float(np.clip((between - within) / whole, 0, 1)) if whole > 0 else 1.0


def effective_number(values: np.ndarray, groups: np.ndarray) -> float:
    """As many independent values tell as much as these [N], of which those of a group are alike."""
    subjects = len(np.unique(groups))
    each = len(values) / subjects
    return max(len(values) / (1 + (each - 1) * intraclass_correlation(values, groups)), float(subjects))


def grouped_quantile(
    scores: np.ndarray, groups: np.ndarray, weight: np.ndarray, level: float, effective: float | None = None
) -> float:
    """The smallest score q such that subjects' masks with scores <= q hold the share `level` of S + 1 subjects.

    scores [N] >= 0; groups [N]: which subject; weight [N]: of masks within their subject; effective: what counts as S
    in the finite-sample correction (None: the number of subjects). inf where they cannot vouch for `level`.
    """
    names, index = np.unique(groups, return_inverse=True)
    count = len(names) if effective is None else effective
    of_group = np.bincount(index, weight, minlength=len(names))
    share = weight / of_group[index] / len(names) * count / (count + 1)
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
    truth: np.ndarray,
    left_out: np.ndarray,
    groups: np.ndarray,
    weight: np.ndarray,
    level: float = LEVEL,
    by_subject: bool = False,
) -> GroupedInterval:
    """From predictions [N] by models that never saw the mask's subject. Two ranges of the prediction (about its
    weighted median) where each has subjects enough, else one. by_subject: masks of a subject are worth one, as where
    they are not of the kind to be scored."""
    residual = np.abs(truth - left_out)
    subjects = len(np.unique(groups))
    reachable = attainable_level(subjects, level)
    order = np.argsort(left_out)
    middle = float(
        left_out[order][np.searchsorted(np.cumsum(weight[order]), weight.sum() / 2).clip(max=len(order) - 1)]
    )
    parts = [left_out < middle, left_out >= middle]
    if all(attainable_level(len(np.unique(groups[p])), level) >= reachable and p.any() for p in parts):
        halves = [_half(residual[p], groups[p], weight[p], reachable, by_subject) for p in parts]
        if np.isfinite(halves).all():
            return GroupedInterval(tuple(halves), (middle,), reachable, subjects)
    half = _half(residual, groups, weight, reachable, by_subject)
    return GroupedInterval((half if np.isfinite(half) else 1.0,), (), reachable, subjects)


def _half(residual: np.ndarray, groups: np.ndarray, weight: np.ndarray, level: float, by_subject: bool) -> float:
    effective = None if by_subject else effective_number(residual, groups)
    return grouped_quantile(residual, groups, weight, level, effective)


def covered_left_out(
    truth: np.ndarray, left_out: np.ndarray, groups: np.ndarray, weight: np.ndarray, by_subject: bool = False
) -> np.ndarray:
    """float64 [N]: 1 where an interval from the other subjects covers the mask, else 0; NaN with one subject alone."""
    found = np.full(len(truth), np.nan)
    for one in np.unique(groups):
        mine = groups == one
        if mine.all():
            break
        rest = ~mine
        interval = fit_interval(truth[rest], left_out[rest], groups[rest], weight[rest], by_subject=by_subject)
        low, high = interval.around(left_out[mine])
        found[mine] = (low <= truth[mine]) & (truth[mine] <= high)
    return found
