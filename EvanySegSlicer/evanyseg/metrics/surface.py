"""Dice, HD95 and normalized surface Dice of a pair of masks: of the whole image, computed where the masks are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from ..overlap import dice

NSD_TOLERANCE = 2.0
"""Pixels within which two outlines count as the same."""


@dataclass(frozen=True)
class SurfaceScores:
    """dice in [0, 1]; hd95 in pixels (NaN when exactly one mask is empty, 0 when both are); nsd in [0, 1]."""

    dice: float
    hd95: float
    nsd: float


def surface_scores(mask: np.ndarray, truth: np.ndarray, tolerance: float = NSD_TOLERANCE) -> SurfaceScores:
    """Scores of bool [H, W] masks. HD95: the larger of the two directed 95th percentiles of outline distances."""
    rows = np.flatnonzero(mask.any(axis=1) | truth.any(axis=1))
    if rows.size == 0:
        return SurfaceScores(1.0, 0.0, 1.0)
    cols = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0) | truth[rows[0] : rows[-1] + 1].any(axis=0))
    window = (slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1))
    mask, truth = mask[window], truth[window]
    overlap = dice(mask, truth)
    a, b = outline(mask), outline(truth)
    if not len(a) or not len(b):
        return SurfaceScores(overlap, math.nan, 0.0)
    to_b = cKDTree(b).query(a)[0]
    to_a = cKDTree(a).query(b)[0]
    hd95 = max(float(np.percentile(to_b, 95)), float(np.percentile(to_a, 95)))
    close = int((to_b <= tolerance).sum()) + int((to_a <= tolerance).sum())
    return SurfaceScores(overlap, hd95, close / (len(a) + len(b)))


def outline(mask: np.ndarray) -> np.ndarray:
    """Coordinates [N, 2] of the mask's pixels that have a 4-neighbor outside it (the border of the array counts)."""
    return np.argwhere(mask & ~ndimage.binary_erosion(mask))
