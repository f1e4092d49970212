"""Reasons for doubt that a mask and its box give by themselves: one rule for every estimator."""

from __future__ import annotations

import math

import numpy as np

from ..prompts import BoxPrompt
from ..results import Caveat

TINY_AREA = 20
"""Pixels below which one pixel more or less moves Dice by several hundredths."""

OUTSIDE_SHARE = 0.05
"""A mask is `mask outside its box` when more than this share of its pixels lies there: so much of it is no rounding of
the outline. What lies there is hardly seen by the built-in estimator and not at all by the published ones."""


def doubts_about_mask(mask: np.ndarray, box: BoxPrompt | None) -> list[str]:
    """Caveats of mask bool [H, W] and its box in pixels (None: no prompt, so nothing is outside); an empty mask has
    only that one."""
    area = int(np.count_nonzero(mask))
    if area == 0:
        return [Caveat.EMPTY_MASK]
    found = []
    if area == mask.size:
        found.append(Caveat.FULL_MASK)
    if area < TINY_AREA:
        found.append(Caveat.TINY)
    if box is not None and area - pixels_inside(mask, box) > OUTSIDE_SHARE * area:
        found.append(Caveat.MASK_OUTSIDE_BOX)
    return found


def pixels_inside(mask: np.ndarray, box: BoxPrompt) -> int:
    """Pixels of the mask whose centre lies in the half-open box."""
    x0, y0, x1, y1 = (max(0, math.ceil(v - 0.5)) for v in box.as_tuple())
    return int(np.count_nonzero(mask[y0:y1, x0:x1]))
