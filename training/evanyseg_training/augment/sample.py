"""What augmentation and the estimator's training work on: a mask on its image, and what it should have been."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from evanyseg.overlap import dice


@dataclass(frozen=True)
class Sample:
    """image uint8 [H, W, 1 or 3]; mask and truth bool [H, W]; their Dice; hd95 in pixels, NaN where it is unknown."""

    image: np.ndarray
    mask: np.ndarray
    truth: np.ndarray
    dice: float
    hd95: float

    def redrawn(self, rows: slice, columns: slice, pixels: np.ndarray, mask: np.ndarray, truth: np.ndarray) -> Sample:
        """With other pixels in a patch, and with mask and truth (bool, of the patch) there alone: the Dice is measured
        anew, the distance unknown."""
        image = self.image.copy()
        image[rows, columns] = pixels
        whole_mask, whole_truth = np.zeros_like(self.truth), np.zeros_like(self.truth)
        whole_mask[rows, columns], whole_truth[rows, columns] = mask, truth
        return Sample(image, whole_mask, whole_truth, dice(mask, truth), math.nan)
