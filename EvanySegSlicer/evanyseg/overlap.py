"""Overlap of two masks: the one Dice that the engine, the front ends and training measure with."""

from __future__ import annotations

import numpy as np


def dice(a: np.ndarray, b: np.ndarray) -> float:
    """2 |A and B| / (|A| + |B|) of two bool masks of one shape: 1 when both are empty, 0 when one of them is."""
    total = int(np.count_nonzero(a)) + int(np.count_nonzero(b))
    return 2.0 * int(np.count_nonzero(a & b)) / total if total else 1.0


def dice_of_iou(iou: np.ndarray) -> np.ndarray:
    """The Dice of each intersection over union u: 2u / (1 + u)."""
    return 2 * iou / (1 + iou)
