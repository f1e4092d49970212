"""The second half of what is learned: a Gaussian process of how far the built-in estimator is off.

Trees that have seen eight images know steps; a smooth function puts two masks of one kind in order, by how alike they
are to masks whose error is known. Far from all of them it says the mean error. Length and noise are the same for all
references: marginal likelihood chose the same for nearly every draw on training sources left out, and finer grids of
both were worse there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial.distance import cdist

from .scale import Scale

LENGTH = 1.0
"""Distance (root mean square over the features, in their units) at which errors are alike by exp(-1/2)."""
NOISE = 0.1
"""Of a mask of mean weight, in units of the errors' variance; one of four times the weight has half of it."""
LEAST = 1e-6
"""Of the mean weight: what has none tells next to nothing, and must not divide by zero."""
MOST = 1500
"""Masks that it remembers: its cost grows with their cube."""


@dataclass(frozen=True)
class GaussianProcess:
    """error = mean + pull . exp(-d^2 / 2), d: distances over LENGTH from the remembered masks; points [N, COUNT] in
    units, pull [N]."""

    points: np.ndarray
    pull: np.ndarray
    mean: float
    scale: Scale

    def predict(self, x: np.ndarray, builtin: np.ndarray) -> np.ndarray:
        """dice [N] from features [N, COUNT] and the built-in estimator's answers [N]."""
        out: np.ndarray = np.clip(builtin + self.mean + _alike(self.scale(x), self.points) @ self.pull, 0, 1)
        return out


def fit_gaussian_process(
    x: np.ndarray, truth: np.ndarray, builtin: np.ndarray, weight: np.ndarray, group: np.ndarray, scale: Scale
) -> GaussianProcess:
    """From features [N, COUNT] of masks of known Dice; group: their subjects. Of more than MOST masks the heaviest of
    each subject are taken, turn by turn."""
    kept = _heaviest(weight, group, MOST)
    x, weight, error = x[kept], weight[kept], (truth - builtin)[kept]
    mean = float(np.average(error, weights=weight))
    points = scale(x)
    noise = NOISE * np.sqrt(weight.mean() / np.maximum(weight, LEAST * weight.mean()))
    covariance = _alike(points, points) + np.diag(noise)
    return GaussianProcess(points, cho_solve(cho_factor(covariance), error - mean), mean, scale)


def _alike(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    out: np.ndarray = np.exp(-cdist(a, b, "sqeuclidean") / (2 * a.shape[1] * LENGTH**2))
    return out


def _heaviest(weight: np.ndarray, group: np.ndarray, most: int) -> np.ndarray:
    """Ascending indices of `most` masks at most."""
    turn = np.empty(len(weight), int)
    for one in np.unique(group):
        mine = np.flatnonzero(group == one)
        turn[mine[np.argsort(-weight[mine], kind="stable")]] = np.arange(len(mine))
    return np.sort(np.argsort(turn, kind="stable")[:most])
