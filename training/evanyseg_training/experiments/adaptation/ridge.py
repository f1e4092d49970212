"""A learner to compare with: a line from the measured numbers to how far the built-in estimator is off, as flat as
subjects left out want it (ridge regression). It was half of what is learned before the Gaussian process."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evanyseg.adaptation.learner.scale import Scale

PENALTIES = (3.0, 10.0, 30.0, 100.0, 300.0)
FEW_PENALTY = 30.0
"""With fewer than three subjects none can be left out to choose."""
MOST_FOLDS = 8


@dataclass(frozen=True)
class Line:
    """error = offset + slopes . scaled features; slopes [COUNT]."""

    slopes: np.ndarray
    offset: float
    scale: Scale

    def predict(self, x: np.ndarray, builtin: np.ndarray) -> np.ndarray:
        """dice [N] from features [N, COUNT] and the built-in estimator's answers [N]."""
        out: np.ndarray = np.clip(builtin + self.offset + self.scale(x) @ self.slopes, 0, 1)
        return out


def fit_line(
    x: np.ndarray, truth: np.ndarray, builtin: np.ndarray, weight: np.ndarray, group: np.ndarray, scale: Scale
) -> Line:
    """From features [N, COUNT] of masks of known Dice; group: their subjects, which choose the penalty."""
    scaled, error = scale(x), truth - builtin
    present = np.unique(group)
    penalty = FEW_PENALTY
    if len(present) > 2:
        folds = [
            np.isin(group, present[n :: min(MOST_FOLDS, len(present))]) for n in range(min(MOST_FOLDS, len(present)))
        ]
        wrong = [_left_out_error(scaled, error, weight, folds, penalty) for penalty in PENALTIES]
        penalty = PENALTIES[int(np.argmin(wrong))]
    slopes, offset = _ridge(scaled, error, weight, penalty)
    return Line(slopes, offset, scale)


def _left_out_error(
    x: np.ndarray, error: np.ndarray, weight: np.ndarray, folds: list[np.ndarray], penalty: float
) -> float:
    total = 0.0
    for out in folds:
        slopes, offset = _ridge(x[~out], error[~out], weight[~out], penalty)
        total += float(weight[out] @ (offset + x[out] @ slopes - error[out]) ** 2)
    return total


def _ridge(x: np.ndarray, y: np.ndarray, weight: np.ndarray, penalty: float) -> tuple[np.ndarray, float]:
    """Slopes and offset of weighted ridge regression; as many observations as the weights are worth."""
    share = weight / weight.sum()
    mean, center = float(share @ y), share @ x
    rows = (x - center) * np.sqrt(share / float(share @ share))[:, None]
    values = (y - mean) * np.sqrt(share / float(share @ share))
    slopes: np.ndarray = np.linalg.solve(rows.T @ rows + penalty * np.eye(x.shape[1]), rows.T @ values)
    return slopes, mean - float(center @ slopes)
