"""What a method answered for a list of cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.protocols import Progress, QualityEstimator, no_progress
from evanyseg.results import QualityCase

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Predictions:
    """dice [n] (NaN: unscored); low, high [n] where the method has intervals; hd95 [n] in pixels where it predicts it;
    caveats: one text a case."""

    dice: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    caveats: tuple[str, ...] = ()
    hd95: np.ndarray | None = None


def run_estimator(
    estimator: QualityEstimator, cases: Iterator[QualityCase], count: int, progress: Progress = no_progress
) -> Predictions:
    """Dice, interval, distance and caveats of every case, streamed."""
    found = []
    for done, estimate in enumerate(estimator.estimate_cases(cases)):
        distance = float("nan") if estimate.hd95 is None else estimate.hd95
        found.append((estimate.dice, estimate.low, estimate.high, distance, "; ".join(estimate.caveats)))
        if done % 100 == 0:
            progress(done / max(count, 1), estimator.name)
    dice, low, high, hd95 = (np.array([f[k] for f in found], float) for k in range(4))
    return Predictions(dice, low, high, tuple(f[4] for f in found), hd95)


def without_empty(methods: Mapping[str, Predictions], features: pd.DataFrame) -> dict[str, Predictions]:
    """Without a box an empty mask cannot be scored: unscored, so that no method gets a point for calling it bad."""
    empty = features["log box area"].to_numpy() == 0
    return {name: replace(p, dice=np.where(empty, np.nan, p.dice)) for name, p in methods.items()}
