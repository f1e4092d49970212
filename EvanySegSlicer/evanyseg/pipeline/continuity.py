"""Is this still the same object? A check on masks carried from slice to slice that asks the image, not a network.

A box always suggests an object: a segmenter prompted with one finds something on every slice, and an estimator can be
fooled by a plausible shape. What an object looks like seldom changes at once, and it ends by shrinking, not by growing:
its grey values, size and place are compared with those of the slices before.
"""

from __future__ import annotations

import numpy as np

from ..overlap import dice

BINS = 8
LEAST_OVERLAP = 0.5
"""Smallest intersection (0 to 1) of the grey-value histograms of a mask and of the one a person prompted: compared
with that one and no later one, because small steps add up to another object."""
LARGEST_GROWTH = 1.8
"""A mask may be this many times larger than the one before."""
LEAST_SHARED = 0.7
"""Part of the smaller of two neighbouring masks that must lie in the larger."""


class Continuity:
    """Remembers the appearance of an object along a stack. Images uint8 [H, W, 3], masks bool [H, W]."""

    def __init__(self, image: np.ndarray, mask: np.ndarray) -> None:
        """The slice that a person prompted: what is carried on."""
        self._histogram = histogram(image, mask)
        self._mask = mask

    def shared(self, mask: np.ndarray) -> float:
        """Dice of a mask with the last accepted one: candidates on the next slice are ranked by it."""
        return dice(mask, self._mask)

    def accepts(self, image: np.ndarray, mask: np.ndarray) -> bool:
        """Whether the mask can be the same object; remembers it if so."""
        area, before = int(mask.sum()), int(self._mask.sum())
        if area == 0 or area > LARGEST_GROWTH * max(before, 1):
            return False
        if int((mask & self._mask).sum()) < LEAST_SHARED * min(area, before):
            return False
        if float(np.minimum(histogram(image, mask), self._histogram).sum()) < LEAST_OVERLAP:
            return False
        self._mask = mask
        return True


def histogram(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Shares [BINS] of the grey values of a mask's pixels, each spread over its neighbouring bins."""
    gray = image[mask].mean(axis=-1) if image.ndim == 3 else image[mask].astype(float)
    position = gray / 256 * BINS - 0.5
    low = np.floor(position).astype(int)
    share = position - low
    counts = np.bincount(np.clip(low, 0, BINS - 1), 1 - share, BINS) + np.bincount(
        np.clip(low + 1, 0, BINS - 1), share, BINS
    )
    return counts / max(counts.sum(), 1e-9)
