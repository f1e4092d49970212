"""Are labels worse for some people? Differences of the predicted Dice between groups of a metadata column.

A difference of the PREDICTED Dice: where the estimator itself is less sure of one scanner's images, that is part of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from ..io.tables import loose_number
from ..metrics.bootstrap import Interval, interval
from .case import AuditRow
from .classes import resampled_means

ALPHA = 0.05
FEWEST = 3
"""Subjects that a group needs to be compared."""
MOST_GROUPS = 12
"""A column with more different values is a number (then thirds are compared) or a name (then nothing is)."""


@dataclass(frozen=True)
class GroupMean:
    name: str
    subjects: int
    mean: float


@dataclass(frozen=True)
class GroupDifference:
    """One label by one column. groups: lowest mean first; difference: highest mean less lowest, with its bootstrap
    interval; p: Kruskal-Wallis over subjects' means; corrected: the same after Holm's correction for all comparisons
    of the audit; missing: rows without a value, or of groups that are too small."""

    label: str
    column: str
    groups: tuple[GroupMean, ...]
    difference: Interval
    p: float
    missing: int
    corrected: float = np.nan

    @property
    def notable(self) -> bool:
        return self.corrected < ALPHA


@dataclass(frozen=True)
class Compared:
    """differences: every label by every column of the metadata that can be compared, the smallest p first; left_out:
    sentences about the columns (of some labels, or of all) that cannot."""

    differences: Sequence[GroupDifference]
    left_out: Sequence[str]


def compared(rows: Sequence[AuditRow]) -> Compared:
    """What the metadata of rows tells."""
    scored = [row for row in rows if not np.isnan(row.dice)]
    columns = list(dict.fromkeys(column for row in scored for column in row.metadata))
    labels = list(dict.fromkeys(row.label for row in scored))
    found: list[GroupDifference] = []
    left_out: dict[tuple[str, str], list[str]] = {}
    for label in labels:
        of_label = [row for row in scored if row.label == label]
        for column in columns:
            one = _difference(label, column, of_label)
            if isinstance(one, GroupDifference):
                found.append(one)
            else:
                left_out.setdefault((column, one), []).append(label)
    sentences = [
        f"{column}{'' if len(of) == len(labels) else ' (' + ', '.join(of) + ')'}: {why}."
        for (column, why), of in left_out.items()
    ]
    return Compared(holm(sorted(found, key=lambda d: d.p)), sentences)


def holm(found: Sequence[GroupDifference]) -> list[GroupDifference]:
    """Holm's correction (Scand. J. Statist. 1979, 6:65) of differences in ascending order of p."""
    out, highest = [], 0.0
    for number, one in enumerate(found):
        highest = max(highest, min(1.0, one.p * (len(found) - number)))
        out.append(replace(one, corrected=highest))
    return out


def _difference(label: str, column: str, rows: list[AuditRow]) -> GroupDifference | str:
    """The difference, or why there is none to be had."""
    named = _grouped([row.metadata.get(column, "").strip() for row in rows])
    if isinstance(named, str):
        return named
    members: dict[str, list[AuditRow]] = {}
    for row, name in zip(rows, named, strict=True):
        if name:
            members.setdefault(name, []).append(row)
    kept = {name: m for name, m in members.items() if len({row.subject for row in m}) >= FEWEST}
    if len(kept) < 2:
        return f"fewer than two of its groups have {FEWEST} subjects"
    dice = {name: np.array([row.dice for row in m]) for name, m in kept.items()}
    means = {name: _subject_means(m) for name, m in kept.items()}
    order = sorted(kept, key=lambda name: float(dice[name].mean()))
    low, high = order[0], order[-1]
    resampled = [resampled_means(dice[n], [r.subject for r in kept[n]], seed) for seed, n in enumerate((low, high))]
    difference = interval(np.append(dice[high].mean() - dice[low].mean(), resampled[1] - resampled[0]))
    everything = np.concatenate(list(means.values()))
    p = float(stats.kruskal(*means.values()).pvalue) if np.ptp(everything) > 0 else 1.0
    groups = tuple(GroupMean(name, len(means[name]), float(dice[name].mean())) for name in order)
    return GroupDifference(
        label,
        column,
        groups,
        difference,
        p,
        len(rows) - sum(map(len, kept.values())),
    )


def _subject_means(rows: list[AuditRow]) -> np.ndarray:
    by_subject: dict[str, list[float]] = {}
    for row in rows:
        by_subject.setdefault(row.subject, []).append(row.dice)
    return np.array([np.mean(values) for values in by_subject.values()])


def _grouped(texts: list[str]) -> list[str] | str:
    """The group of each row ('': missing), or why the column makes no groups."""
    different = sorted({text for text in texts if text})
    if not different:
        return "it has no value"
    if len(different) == 1:
        return f"it has one value, {different[0]}"
    if len(different) <= MOST_GROUPS:
        return texts
    numbers = np.array([loose_number(text) for text in texts])
    if np.isnan(numbers[[bool(t) for t in texts]]).any():
        return f"it has {len(different)} different values that are not all numbers (groups: {MOST_GROUPS} at most)"
    first, second = np.nanpercentile(numbers, (100 / 3, 200 / 3))
    names = (f"up to {first:g}", f"above {first:g}, up to {second:g}", f"above {second:g}")
    return ["" if np.isnan(n) else names[int(n > first) + int(n > second)] for n in numbers]
