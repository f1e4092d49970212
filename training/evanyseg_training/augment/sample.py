"""What augmentation and the estimator's training work on: a mask on its image, and what it should have been."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Sample:
    """image uint8 [H, W, 1 or 3]; mask and truth bool [H, W]; their Dice; hd95 in pixels, NaN where it is unknown."""

    image: np.ndarray
    mask: np.ndarray
    truth: np.ndarray
    dice: float
    hd95: float
