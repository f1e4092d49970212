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
from scipy import special

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

    The interval holds what comes of few labelled images, the slope included (subjects are resampled), and of few
    unlabelled ones: what the predicted Dice does not see of a metric varies among them as among the labelled ones. Few
    people widen it as Student's t does.
    """
    said, mean_there = here.known, there.known.mean(1)
    slope = float(_slopes(real, said, np.ones((1, real.shape[1])), limits)[0])
    value = real.mean(1) + slope * (mean_there - said.mean(1))
    counts = group_counts(np.array(here.subjects), resamples, seed)
    slopes = _slopes(real, said, counts, limits)[:, None]
    of_here = _means(real, counts) + slopes * (mean_there - _means(said, counts)) - value
    unseen = real - slope * said
    unseen = unseen - unseen.mean(1, keepdims=True)
    of_there = _means(unseen, group_counts(np.array(here.subjects), resamples, seed + 1))
    people, others = (len(set(side.subjects)) for side in (here, there))
    spread = _fewness(people, level) * (of_here + np.sqrt(people / others) * of_there)
    low, high = np.quantile(value + spread, ((1 - level) / 2, (1 + level) / 2), axis=0)
    value = np.clip(value, *limits)
    return Corrected(
        value,
        np.minimum(np.clip(low, *limits), value),
        np.maximum(np.clip(high, *limits), value),
        real.mean(1),
        slope,
    )


def _slopes(real: np.ndarray, said: np.ndarray, counts: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """[B] least squares within checkpoints, one slope for all of them, of images that count `counts` [B, N]; 0 where
    nothing varies."""
    number = np.maximum(counts.sum(1), 1)
    mean_x, mean_y = counts @ said.T / number[:, None], counts @ real.T / number[:, None]
    spread = counts @ (said * said).sum(0) - number * (mean_x**2).sum(1)
    shared = counts @ (said * real).sum(0) - number * (mean_x * mean_y).sum(1)
    most = STEEPEST * (limits[1] - max(limits[0], 0.0))
    found: np.ndarray = np.where(spread > 1e-9, np.clip(shared / np.maximum(spread, 1e-9), -most, most), 0.0)
    return found


def _means(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """[B, K] means of values [K, N] of images that count `counts` [B, N]."""
    out: np.ndarray = counts @ values.T / np.maximum(counts.sum(1, keepdims=True), 1)
    return out


def _fewness(people: int, level: float) -> float:
    """By how much few people widen an interval: the bootstrap's spread is too small for them, and so are its tails."""
    if people < 2:
        return 1.0
    tail = float(special.stdtrit(people - 1, (1 + level) / 2) / special.ndtri((1 + level) / 2))
    return tail * float(np.sqrt(people / (people - 1)))
