"""Corruption that follows the image: leaks and losses that stop at edges, the way real models fail."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import ndimage
from skimage.graph import MCP_Geometric
from skimage.segmentation import slic

from .base import MaskAtStrength, ObjectPatch, direction_field, smooth_noise

EDGE_WEIGHT = 25.0
"""How many pixels of flat ground a full-range edge costs."""


def travel_times(patch: ObjectPatch) -> tuple[np.ndarray, np.ndarray]:
    """Arrival times [h, w] from the outline outwards (0 inside) and inwards (0 outside), slow across edges.

    Cost per pixel = 1 + EDGE_WEIGHT * gradient magnitude (of the smoothed image, per its 95th percentile).
    """
    smooth = ndimage.gaussian_filter(patch.gray, 1.0)
    gradient = np.hypot(ndimage.sobel(smooth, 0), ndimage.sobel(smooth, 1))
    cost = 1.0 + EDGE_WEIGHT * np.clip(gradient / max(float(np.percentile(gradient, 95)), 1e-4), 0, 1)
    return _arrival(cost, patch.truth), _arrival(cost, ~patch.truth)


def _arrival(cost: np.ndarray, start: np.ndarray) -> np.ndarray:
    if start.all():
        return np.zeros(start.shape)
    rim = start & ~ndimage.binary_erosion(start, border_value=1)
    if not rim.any():
        return np.full(start.shape, np.inf)
    # walls inside the start region: the search spends its time where it is needed
    times, _ = MCP_Geometric(np.where(start & ~rim, np.inf, cost)).find_costs(np.argwhere(rim))
    times[start] = 0.0
    return times


@lru_cache(maxsize=4)
def _prepared(patch: ObjectPatch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Arrival times and superpixels: the slow part, shared by all masks of one patch."""
    out, inwards = travel_times(patch)
    count = int(np.clip(patch.truth.size / 120, 30, 200))
    labels = slic(patch.gray, count, compactness=0.08, channel_axis=None, start_label=0, enforce_connectivity=True)
    return out, inwards, labels


def leak(patch: ObjectPatch, rng: np.random.Generator) -> MaskAtStrength:
    """Grows over flat ground through a random part of the outline, and may shrink elsewhere; pixel by pixel."""
    out, inwards, _ = _prepared(patch)
    return _grow_and_shrink(patch, out, inwards, rng)


def superpixel_leak(patch: ObjectPatch, rng: np.random.Generator) -> MaskAtStrength:
    """The same in whole superpixels: the mask snaps to regions of the image."""
    out, inwards, labels = _prepared(patch)
    return _grow_and_shrink(patch, _by_region(out, labels), _by_region(inwards, labels), rng)


def _by_region(times: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean arrival of each superpixel, with a little of the pixel's own so that strengths stay continuous."""
    finite = np.where(np.isfinite(times), times, 0.0)
    count = np.maximum(np.bincount(labels.ravel()), 1)
    mean = (np.bincount(labels.ravel(), finite.ravel()) / count)[labels]
    blended = 0.85 * mean + 0.15 * finite
    return np.where(times > 0, np.maximum(blended, 1e-3), 0.0)


def _grow_and_shrink(
    patch: ObjectPatch, out: np.ndarray, inwards: np.ndarray, rng: np.random.Generator
) -> MaskAtStrength:
    """mask = truth + {arrival outwards below a level} - {arrival inwards below a level}, each where a field allows."""
    kind = rng.choice(["grow", "shrink", "both"], p=[0.4, 0.3, 0.3])
    field = direction_field(patch, rng) if rng.uniform() < 0.6 else smooth_noise(patch.truth.shape, 4, rng)
    everywhere = rng.uniform() < 0.3
    grow_where = np.ones_like(patch.truth) if everywhere else field > rng.uniform(-1.0, 0.6)
    shrink_where = np.ones_like(patch.truth) if everywhere or kind == "shrink" else ~grow_where
    if kind == "shrink":
        inwards = inwards * (1.0 + 0.6 * np.clip(field, -1, 1))
    grown = np.sort(out[grow_where & ~patch.truth])
    shrunk = np.sort(inwards[shrink_where & patch.truth])
    # growth is measured in object areas: up to 30 of them, where Dice is about .06
    most_grown = min(30 * patch.truth.sum(), len(grown))

    def make(strength: float) -> np.ndarray:
        mask = patch.truth.copy()
        if kind != "shrink" and most_grown:
            level = grown[min(int(strength**1.5 * most_grown), len(grown) - 1)]
            mask |= grow_where & (out <= level) & (strength > 0)
        if kind != "grow" and len(shrunk):
            index = int(strength * len(shrunk))
            level = shrunk[index] if index < len(shrunk) else np.inf
            mask &= ~(shrink_where & (inwards < level) & patch.truth)
        return mask

    return make
