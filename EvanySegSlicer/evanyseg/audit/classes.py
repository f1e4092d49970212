"""What an audit says of each label: how good, how sure of that, how many are poor, which are the worst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..scoring.pairs import FAILED
from .case import AuditRow

POOR = 0.8
"""A mask below this Dice counts as poor, as in Quality Sentinel."""
RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class ClassSummary:
    """One label over all cases. mean with the interval that it would have over other subjects of the same kind
    (bootstrap of subjects; NaN below two); poor: share of scored cases below POOR, with Wilson's interval; worst: rows,
    lowest first."""

    label: str
    cases: int
    scored: int
    mean: float
    mean_interval: tuple[float, float]
    poor: float
    poor_interval: tuple[float, float]
    worst: tuple[AuditRow, ...]


def summaries(rows: Sequence[AuditRow], worst: int = 5) -> list[ClassSummary]:
    """One for each label, the lowest mean first; rows that failed belong to no label."""
    by_label: dict[str, list[AuditRow]] = {}
    for row in rows:
        if not row.caveats.startswith(FAILED):
            by_label.setdefault(row.label, []).append(row)
    found = [_summary(label, of_label, worst) for label, of_label in by_label.items()]
    return sorted(found, key=lambda s: (np.isnan(s.mean), s.mean))


def _summary(label: str, rows: list[AuditRow], worst: int) -> ClassSummary:
    scored = [row for row in rows if not np.isnan(row.dice)]
    dice = np.array([row.dice for row in scored])
    poor = int(np.count_nonzero(dice < POOR))
    return ClassSummary(
        label,
        len(rows),
        len(scored),
        float(dice.mean()) if len(dice) else np.nan,
        mean_interval(dice, [row.subject for row in scored]),
        poor / len(dice) if len(dice) else np.nan,
        wilson(poor, len(dice)),
        tuple(sorted(scored, key=lambda row: row.dice)[:worst]),
    )


def mean_interval(values: np.ndarray, subjects: Sequence[str], seed: int = 0) -> tuple[float, float]:
    """Bootstrap interval of the mean [N] at LEVEL, whole subjects resampled; NaN for fewer than two subjects."""
    means = resampled_means(values, subjects, seed)
    if not len(means):
        return (np.nan, np.nan)
    low, high = np.percentile(means, (50 * (1 - LEVEL), 50 * (1 + LEVEL)))
    return (float(low), float(high))


def resampled_means(values: np.ndarray, subjects: Sequence[str], seed: int = 0) -> np.ndarray:
    """Means [RESAMPLES] over resampled subjects; empty for fewer than two."""
    _, index = np.unique(np.asarray(subjects, str), return_inverse=True)
    count = int(index.max()) + 1 if len(index) else 0
    if count < 2:
        return np.zeros(0)
    total, size = np.bincount(index, values), np.bincount(index)
    picks = np.random.default_rng(seed).integers(0, count, (RESAMPLES, count))
    means: np.ndarray = total[picks].sum(axis=1) / size[picks].sum(axis=1)
    return means


def wilson(hits: int, count: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's interval of a share (JASA 1927, 22:209): stays within 0 to 1 and says something at 0 hits."""
    if count == 0:
        return (np.nan, np.nan)
    share, scale = hits / count, 1 + z * z / count
    middle = (share + z * z / (2 * count)) / scale
    half = z * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / scale
    return (max(0.0, float(middle - half)), min(1.0, float(middle + half)))
