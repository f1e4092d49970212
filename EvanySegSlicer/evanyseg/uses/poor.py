"""Use 1: which samples are poorly segmented? The lowest percentile of the predicted scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PoorSamples:
    """indices of the poor samples, worst first; threshold: the highest score among them (NaN when there are none);
    unscored: indices without a score, which a person has to look at as well."""

    indices: tuple[int, ...]
    threshold: float
    unscored: tuple[int, ...]


def find_poor(scores: Sequence[float] | np.ndarray, percentile: float = 10.0) -> PoorSamples:
    """The lowest `percentile` % of the scored samples, rounded up, so that a small set still gives one.

    Of equal scores the earlier sample comes first. Raises ValueError for a percentile outside (0, 100].
    """
    if not 0 < percentile <= 100:
        raise ValueError(f"The percentile must lie above 0 and up to 100, not {percentile:g}.")
    values = np.asarray(scores, float)
    scored = np.flatnonzero(~np.isnan(values))
    order = scored[np.argsort(values[scored], kind="stable")]
    count = math.ceil(round(len(order) * percentile / 100, 9))
    found = order[:count]
    threshold = float(values[found[-1]]) if count else math.nan
    return PoorSamples(tuple(found.tolist()), threshold, tuple(np.flatnonzero(np.isnan(values)).tolist()))
