"""The last step: what the learned and the built-in answer are worth on masks of the kind to be scored.

A few such masks tell little about how two answers should be mixed, but much about how good masks of this kind usually
are. So the mixture is a ridge regression about the references' mean whose slopes shrink towards what answers are worth
elsewhere, and are never negative: a mask that both answers call better is not scored lower, whatever eight masks say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

SHRINK, PRIOR = 10.0, (0.6, 0.2)
"""As many pseudo-observations pull the slopes of the learned and of the built-in answer, per unit of their spread,
towards these (chosen on training sources left out)."""


@dataclass(frozen=True)
class Recalibration:
    """dice = mean + slopes . (answers - center), clipped to [0, 1]; answers: (learned, built-in); slopes >= 0."""

    mean: float
    center: tuple[float, float]
    slopes: tuple[float, float]

    def __call__(self, answers: np.ndarray) -> np.ndarray:
        """[N] of answers [N, 2]."""
        return np.clip(self.mean + (answers - np.array(self.center)) @ np.array(self.slopes), 0, 1)


IDENTITY = Recalibration(0.0, (0.0, 0.0), (1.0, 0.0))
"""The learned answer as it is: for references that bring no masks of the kind to be scored."""


def fit_recalibration(
    answers: np.ndarray, truth: np.ndarray, weight: np.ndarray, shrink: float = SHRINK
) -> Recalibration:
    """From answers [N, 2] about masks whose subject was left out, their true Dice [N] and weights [N]."""
    share = weight / weight.sum()
    mean, center = float(share @ truth), share @ answers
    offsets = answers - center
    effective = 1.0 / float((share**2).sum())
    spread = np.maximum(np.sqrt(share @ offsets**2), 0.02)
    root = np.sqrt(effective * share)
    rows = np.vstack([offsets / spread * root[:, None], np.sqrt(shrink) * np.eye(2)])
    slopes = nnls(rows, np.concatenate([root * (truth - mean), np.sqrt(shrink) * np.array(PRIOR) * spread]))[0] / spread
    return Recalibration(mean, (float(center[0]), float(center[1])), (float(slopes[0]), float(slopes[1])))


def left_out(
    answers: np.ndarray, truth: np.ndarray, weight: np.ndarray, group: np.ndarray, shrink: float = SHRINK
) -> np.ndarray:
    """[N]: each mask by a recalibration that never saw its subject."""
    out = np.empty(len(truth))
    for one in np.unique(group):
        mine = group == one
        out[mine] = fit_recalibration(answers[~mine], truth[~mine], weight[~mine], shrink)(answers[mine])
    return out
