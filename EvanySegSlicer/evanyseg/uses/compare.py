"""Use 2: which segmenter is better, without ground truth? Mean predicted score and paired differences."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

RESAMPLES = 2000


@dataclass(frozen=True)
class SegmenterMean:
    """Mean predicted Dice of one segmenter with its bootstrap interval; how many samples have a score, how many not."""

    name: str
    mean: float
    low: float
    high: float
    scored: int
    unscored: int


@dataclass(frozen=True)
class PairedDifference:
    """Mean of (first - second) over the samples that both have a score for, with its bootstrap interval."""

    first: str
    second: str
    difference: float
    low: float
    high: float
    samples: int

    @property
    def clear(self) -> bool:
        """The interval excludes zero."""
        return self.samples > 0 and (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class Comparison:
    """Segmenters by mean score, best first; every pair of them in that order; the level of all intervals."""

    means: tuple[SegmenterMean, ...]
    differences: tuple[PairedDifference, ...]
    level: float


def compare_segmenters(
    scores: Mapping[str, Sequence[float] | np.ndarray],
    groups: Sequence[Hashable] | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Comparison:
    """Compare segmenters on the same samples: scores[name] is a list of predicted Dice, all of one length, NaN allowed.

    `groups`: what each sample belongs to (its image or patient); whole groups are resampled, because objects of one
    image are not independent. Raises ValueError for lists of different lengths or a level outside (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"The level of an interval lies between 0 and 1, not {level:g}.")
    table = {name: np.asarray(values, float) for name, values in scores.items()}
    lengths = {len(v) for v in table.values()} | ({len(groups)} if groups is not None else set())
    if len(lengths) > 1:
        raise ValueError(f"All segmenters need the same samples, got lists of {sorted(lengths)}.")
    count = lengths.pop() if lengths else 0
    codes = _codes(groups) if groups is not None else np.arange(count)
    means = []
    for name, values in table.items():
        mean, low, high = _mean_interval(values, codes, level, resamples, seed)
        scored = int(np.count_nonzero(~np.isnan(values)))
        means.append(SegmenterMean(name, mean, low, high, scored, count - scored))
    means.sort(key=lambda m: (math.isnan(m.mean), 0.0 if math.isnan(m.mean) else -m.mean))
    differences = []
    for a, b in combinations([m.name for m in means], 2):
        delta = table[a] - table[b]
        mean, low, high = _mean_interval(delta, codes, level, resamples, seed)
        differences.append(PairedDifference(a, b, mean, low, high, int(np.count_nonzero(~np.isnan(delta)))))
    return Comparison(tuple(means), tuple(differences), level)


def _mean_interval(
    values: np.ndarray, codes: np.ndarray, level: float, resamples: int, seed: int
) -> tuple[float, float, float]:
    """Mean and percentile bootstrap interval over groups; NaN values are left out. One group gives no interval."""
    keep = ~np.isnan(values)
    if not keep.any():
        return math.nan, math.nan, math.nan
    groups, codes = np.unique(codes[keep], return_inverse=True)
    sums = np.bincount(codes, weights=values[keep])
    counts = np.bincount(codes)
    mean = float(sums.sum() / counts.sum())
    if len(groups) < 2:
        return mean, math.nan, math.nan
    random = np.random.default_rng(seed)
    found = np.empty(resamples)
    for n in range(resamples):
        drawn = random.integers(0, len(groups), len(groups))
        found[n] = sums[drawn].sum() / counts[drawn].sum()
    tail = 50 * (1 - level)
    low, high = np.percentile(found, (tail, 100 - tail))
    return mean, float(low), float(high)


def _codes(groups: Sequence[Hashable]) -> np.ndarray:
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(g, len(numbers)) for g in groups], int)
