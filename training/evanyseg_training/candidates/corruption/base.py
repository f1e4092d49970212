"""What every corruption method works on, and the bisection that makes all of them hit a target Dice.

The kind of error must never give the answer away: each method is a mask-valued function of a strength in [0, 1], and
the strength is searched for a Dice drawn flat in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np

from evanyseg.adaptation.synthetic import signed_distance
from evanyseg.overlap import dice

TOLERANCE = 0.03
MaskAtStrength = Callable[[float], np.ndarray]
"""strength in [0, 1] -> mask bool [h, w]; 0 is close to the truth, 1 is the worst this draw can do."""


@dataclass(frozen=True, eq=False)
class ObjectPatch:
    """A window of an image: gray float32 [h, w] in [0, 1], truth bool [h, w] (not empty), others: more objects.

    Compared by identity: what is slow to derive from a patch is cached per patch."""

    gray: np.ndarray
    truth: np.ndarray
    others: tuple[np.ndarray, ...] = field(default=())

    @cached_property
    def distance(self) -> np.ndarray:
        """Signed distance to the truth's outline in pixels, negative inside; float32 [h, w]."""
        return signed_distance(self.truth)

    @cached_property
    def radius(self) -> float:
        """Radius of the disc of the truth's area."""
        return float(np.sqrt(max(self.truth.sum(), 1) / np.pi))

    @cached_property
    def center(self) -> tuple[float, float]:
        """Row and column of the truth's centroid."""
        rows, cols = np.nonzero(self.truth)
        return float(rows.mean()), float(cols.mean())


def smooth_noise(shape: tuple[int, int], cells: float, rng: np.random.Generator) -> np.ndarray:
    """float32 [h, w], zero mean, unit deviation, with about `cells` bumps along the longer side."""
    height, width = shape
    longest = max(height, width)
    rows, cols = (max(round(cells * n / longest) + 3, 4) for n in (height, width))
    coarse = rng.standard_normal((rows, cols)).astype(np.float32)
    fine = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return (fine - fine.mean()) / max(float(fine.std()), 1e-6)


def direction_field(patch: ObjectPatch, rng: np.random.Generator, wobble: float = 0.35) -> np.ndarray:
    """A ramp across the truth in a random direction with a wavy front, in units of its radius; float32 [h, w]."""
    angle = rng.uniform(0, 2 * np.pi)
    rows, cols = np.mgrid[: patch.truth.shape[0], : patch.truth.shape[1]]
    ramp = (rows - patch.center[0]) * np.sin(angle) + (cols - patch.center[1]) * np.cos(angle)
    return (ramp / patch.radius + wobble * smooth_noise(patch.truth.shape, 5, rng)).astype(np.float32)


def bisect(make: MaskAtStrength, truth: np.ndarray, target: float, steps: int = 12) -> tuple[np.ndarray, float]:
    """The mask of `make` whose Dice with `truth` comes nearest to `target`, and that Dice.

    Dice falls with strength only roughly, so the nearest of all tried masks is kept, not the last.
    """
    low, high = 0.0, 1.0
    best, best_dice = make(1.0), 0.0
    best_dice = dice(best, truth)
    for _ in range(steps):
        middle = (low + high) / 2
        mask = make(middle)
        value = dice(mask, truth)
        if abs(value - target) < abs(best_dice - target):
            best, best_dice = mask, value
        if abs(best_dice - target) <= 0.004:
            break
        if value > target:
            low = middle
        else:
            high = middle
    return best, best_dice
