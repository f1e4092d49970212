"""Error maps: where is the mask wrong. Compared with maps that need no network."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from evanyseg.metrics.failure import average_precision
from evanyseg.overlap import dice
from evanyseg.prompts import BoxPrompt
from evanyseg.quality.context import ContextWindow


def evaluation_window(mask: np.ndarray, box: BoxPrompt | None) -> tuple[slice, slice] | None:
    """Rows and columns in which maps are scored: 1.75 times the box (or the mask's bounding box), clipped; None if
    empty."""
    around = box or BoxPrompt.of_mask(mask)
    if around is None:
        return None
    x0, y0, x1, y1 = ContextWindow.around(around, mask.shape).clipped
    return (slice(y0, y1), slice(x0, x1)) if x1 > x0 and y1 > y0 else None


def trivial_maps(mask: np.ndarray, box: BoxPrompt | None) -> dict[str, np.ndarray]:
    """Scores [H, W], higher = more suspicious, of the two maps that cost nothing.

    'boundary': near the mask's outline; 'box edge': outside the box for mask pixels, inside it for the others (without
    a box: the mask's bounding box), deeper first.
    """
    inside = ndimage.distance_transform_edt(mask) if mask.any() else np.zeros(mask.shape)
    outside = ndimage.distance_transform_edt(~mask) if not mask.all() else np.zeros(mask.shape)
    around = box or BoxPrompt.of_mask(mask)
    height, width = mask.shape
    y, x = np.arange(height)[:, None] + 0.5, np.arange(width)[None] + 0.5
    depth = np.zeros(mask.shape)
    if around is not None:
        depth = np.minimum(np.minimum(x - around.x0, around.x1 - x), np.minimum(y - around.y0, around.y1 - y))
    return {"boundary": -(inside + outside), "box edge": np.where(mask, -depth, depth)}


def map_scores(wrong: np.ndarray, score: np.ndarray, where: np.ndarray) -> tuple[float, float]:
    """(average precision of `score` for the pixels `wrong` among `where`, their share); NaN when none or all are wrong.

    All [H, W]; `where` and `wrong` bool. Pixels count one by one; equal scores are one threshold.
    """
    target = wrong[where]
    if not target.any() or target.all():
        return float("nan"), float("nan")
    ap = average_precision(1.0 - target, -score[where].astype(float), np.ones((1, target.size)), threshold=0.5)
    return float(ap[0]), float(target.mean())


def binary_dice(wrong: np.ndarray, probability: np.ndarray, where: np.ndarray, threshold: float = 0.5) -> float:
    """Dice of the map cut at `threshold` with the pixels that are wrong; NaN when there are none of either."""
    said, target = probability[where] > threshold, wrong[where]
    if not said.any() and not target.any():
        return float("nan")  # a mask without an error says nothing of an error map: it is left out
    return dice(said, target)
