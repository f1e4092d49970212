"""For each target the support images that look most like it as a whole: patches and registration use these alone."""

from __future__ import annotations

import numpy as np


def nearest_images(support: np.ndarray, targets: np.ndarray, count: int) -> np.ndarray:
    """int [T, count] indices of support, nearest first; images float [N, n, n] are compared as 16 x 16 thumbnails of
    mean 0 and spread 1."""
    a, b = _thumbnails(support), _thumbnails(targets)
    distance = (b**2).sum(1)[:, None] - 2 * b @ a.T + (a**2).sum(1)
    order: np.ndarray = np.argsort(distance, axis=1, kind="stable")[:, :count]
    return order


def _thumbnails(images: np.ndarray) -> np.ndarray:
    step = images.shape[1] // 16
    small = images.reshape(len(images), 16, step, 16, step).mean((2, 4)).reshape(len(images), -1)
    small = small - small.mean(1, keepdims=True)
    return small / (small.std(1, keepdims=True) + 1e-6)
