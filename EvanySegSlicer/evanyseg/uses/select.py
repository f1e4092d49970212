"""Use 4: the best candidate of each sample, from several segmenters or from the mask heads of one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..results import QualityEstimate


def select_best(scores: Sequence[Sequence[float]] | np.ndarray) -> np.ndarray:
    """Index of the highest score in each row of [samples, candidates], int [samples]; -1 where none is scored.

    Ties go to the first candidate: put the segmenter you trust most first. Raises ValueError for another shape.
    """
    table = np.asarray(scores, float)
    if table.ndim != 2:
        raise ValueError(f"Scores must be [samples, candidates], not {list(table.shape)}.")
    if table.shape[1] == 0:
        return np.full(len(table), -1)
    best = np.where(np.isnan(table), -np.inf, table).argmax(axis=1)
    return np.where(np.isnan(table).all(axis=1), -1, best)


def best_of_candidates(estimates: Sequence[QualityEstimate]) -> list[int]:
    """All candidates of one sample, best first, unscored ones last; equal scores keep their order."""
    return sorted(range(len(estimates)), key=lambda i: -estimates[i].dice if estimates[i].scored else np.inf)
