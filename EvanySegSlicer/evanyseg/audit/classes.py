"""What an audit says of each label: how good, how sure of that, how many are poor, which are the worst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..metrics.assessment import POOR
from ..metrics.bootstrap import Interval, group_counts, interval
from ..scoring.pair_rows import FAILED
from .case import AuditRow


@dataclass(frozen=True)
class ClassSummary:
    """One label over all cases. mean: with the interval that it would have over other subjects of the same kind
    (bootstrap of subjects; none below two); poor: share of scored cases below POOR, with Wilson's interval; worst:
    rows, lowest first."""

    label: str
    cases: int
    scored: int
    mean: Interval
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
    return sorted(found, key=lambda s: (np.isnan(s.mean.value), s.mean.value))


def _summary(label: str, rows: list[AuditRow], worst: int) -> ClassSummary:
    scored = [row for row in rows if not np.isnan(row.dice)]
    dice = np.array([row.dice for row in scored])
    poor = int(np.count_nonzero(dice < POOR))
    return ClassSummary(
        label,
        len(rows),
        len(scored),
        mean_interval(dice, [row.subject for row in scored]),
        poor / len(dice) if len(dice) else np.nan,
        wilson(poor, len(dice)),
        tuple(sorted(scored, key=lambda row: row.dice)[:worst]),
    )


def mean_interval(values: np.ndarray, subjects: Sequence[str]) -> Interval:
    """The mean [N] with its bootstrap interval, whole subjects resampled; without one for fewer than two subjects."""
    mean = float(values.mean()) if len(values) else np.nan
    return interval(np.append(mean, resampled_means(values, subjects)))


def resampled_means(values: np.ndarray, subjects: Sequence[str], seed: int = 0) -> np.ndarray:
    """Means [B] over resampled subjects; empty for fewer than two."""
    if len(set(subjects)) < 2:
        return np.zeros(0)
    counts = group_counts(np.asarray(subjects, str), seed=seed)
    means: np.ndarray = counts @ values / counts.sum(axis=1)
    return means


def wilson(hits: int, count: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's interval of a share (JASA 1927, 22:209): stays within 0 to 1 and says something at 0 hits."""
    if count == 0:
        return (np.nan, np.nan)
    share, scale = hits / count, 1 + z * z / count
    middle = (share + z * z / (2 * count)) / scale
    half = z * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / scale
    return (max(0.0, float(middle - half)), min(1.0, float(middle + half)))
