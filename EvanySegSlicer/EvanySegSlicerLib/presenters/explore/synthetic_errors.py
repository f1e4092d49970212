"""Synthetic errors in a copy of a mask, for exploring what the estimator notices. Arrays only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage


def erode(mask: np.ndarray, pixels: int) -> np.ndarray:
    """Take `pixels` off the border."""
    return mask if pixels < 1 else _distance(mask) > pixels


def dilate(mask: np.ndarray, pixels: int) -> np.ndarray:
    """Add `pixels` to the border."""
    return mask if pixels < 1 else _distance(~mask) <= pixels


def shift(mask: np.ndarray, pixels: int) -> np.ndarray:
    """Move right by `pixels`; what leaves the image is lost."""
    moved = np.zeros_like(mask)
    if pixels < mask.shape[1]:
        moved[:, pixels:] = mask[:, : mask.shape[1] - pixels]
    return moved


def leak(mask: np.ndarray, pixels: int) -> np.ndarray:
    """A round blob of radius `pixels` on the rightmost edge of the object, as when a segmentation runs out."""
    if pixels < 1 or not mask.any():
        return mask
    rows, cols = np.nonzero(mask)
    edge = cols == cols.max()
    row, col = rows[edge].mean(), cols.max()
    r, c = np.ogrid[: mask.shape[0], : mask.shape[1]]
    return mask | ((r - row) ** 2 + (c - col) ** 2 <= pixels**2)


SYNTHETIC_ERRORS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "Erode": erode,
    "Dilate": dilate,
    "Shift": shift,
    "Leak": leak,
}


def _distance(mask: np.ndarray) -> np.ndarray:
    """Euclidean distance of True pixels to the nearest False one; the image's border counts as False."""
    return ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1] if mask.any() else np.zeros(mask.shape)
