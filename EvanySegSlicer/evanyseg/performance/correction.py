"""The labelled images' mean, corrected image by image by what the quality estimator says of both sides.

The labelled images tell what a metric is; the unlabelled ones are harder or easier, and predicted Dice sees by how
much. A regression estimator with the predicted Dice as auxiliary variable (Cochran, Sampling Techniques, ch. 7), as in
prediction-powered inference (Angelopoulos et al., Science 2023, 382:669): mean(real) + b (mean predicted there - mean
predicted here), with one slope b within all checkpoints together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..metrics.bootstrap import group_counts

RESAMPLES = 1000
STEEPEST = 1.5
"""Slope of a metric in [0, 1] on the predicted Dice at most: a few images may say anything."""


@dataclass(frozen=True)
class Corrected:
    """value, low, high [K] of the unlabelled images' metric; real [K] of the labelled ones; slope: of the metric on the
    predicted Dice, image by image."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    real: np.ndarray
    slope: float


@dataclass(frozen=True)
class Scored:
    """Predicted Dice [K, N] of one side's images (NaN: an empty prediction, which counts as 0) and their subjects."""

    dice: np.ndarray
    subjects: Sequence[str]

    @property
    def known(self) -> np.ndarray:
        return np.nan_to_num(self.dice)


def corrected(
    real: np.ndarray,
    here: Scored,
    there: Scored,
    limits: tuple[float, float],
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Corrected:
    """real [K, N] of the labelled images, scored `here`; answers are kept within `limits`.

    The interval holds what comes of few labelled and of few unlabelled images: what the predicted Dice does not see of
    a metric varies among the images of both sides as it does among the labelled ones (subjects are resampled).
    """
    said = here.known
    slope = _slope(real, said, limits)
    value = real.mean(1) + slope * (there.known.mean(1) - said.mean(1))
    unseen = real - slope * said
    unseen = unseen - unseen.mean(1, keepdims=True)
    people, others = (len(set(side.subjects)) for side in (here, there))
    fewness = np.sqrt(people / max(people - 1, 1))
    of_here, of_there = (_means(unseen, here.subjects, resamples, seed + n) for n in (0, 1))
    spread = fewness * (of_here + np.sqrt(people / others) * of_there)
    low, high = np.quantile(value + spread, ((1 - level) / 2, (1 + level) / 2), axis=0)
    value = np.clip(value, *limits)
    return Corrected(
        value,
        np.minimum(np.clip(low, *limits), value),
        np.maximum(np.clip(high, *limits), value),
        real.mean(1),
        slope,
    )


def _slope(real: np.ndarray, said: np.ndarray, limits: tuple[float, float]) -> float:
    """Least squares within checkpoints, one slope for all of them; 0 where nothing varies."""
    x, y = said - said.mean(1, keepdims=True), real - real.mean(1, keepdims=True)
    spread = float((x * x).sum())
    if spread < 1e-9:
        return 0.0
    most = STEEPEST * (limits[1] - max(limits[0], 0.0))
    return float(np.clip((x * y).sum() / spread, -most, most))


def _means(values: np.ndarray, subjects: Sequence[str], resamples: int, seed: int) -> np.ndarray:
    """[B, K] means of values [K, N] over resampled subjects."""
    counts = group_counts(np.array(subjects), resamples, seed)
    out: np.ndarray = counts @ values.T / np.maximum(counts.sum(1, keepdims=True), 1)
    return out
