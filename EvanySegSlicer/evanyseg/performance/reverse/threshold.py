"""From a soft answer to a mask."""

from __future__ import annotations

import numpy as np

from ...overlap import dice

THRESHOLDS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55)


def best_threshold(soft: np.ndarray, masks: np.ndarray) -> float:
    """The threshold at which soft answers [S, n, n] about the support overlap most (pooled Dice) with its masks bool
    [S, n, n]: small objects never reach the half. Ties: the highest."""
    return max((dice(soft > threshold, masks), threshold) for threshold in THRESHOLDS)[1]
