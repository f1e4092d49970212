"""Corruption methods: masks that are wrong in a known way by a known amount."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from .base import TOLERANCE, MaskAtStrength, ObjectPatch, bisect
from .blind import another_outline, smooth_closed_curve
from .edges import leak, superpixel_leak
from .shape import affine, elastic_deformation, holes_and_islands, part_only, staircase, towards_simple_shape
from .wrong import wrong_object

__all__ = ["METHODS", "TOLERANCE", "TRAINING_METHODS", "Methods", "ObjectPatch", "bisect", "corrupted"]

Methods = Mapping[str, tuple[Callable[[ObjectPatch, np.random.Generator], MaskAtStrength], float]]

METHODS: Methods = {
    "elastic deformation": (elastic_deformation, 2.0),
    "leak": (leak, 3.0),
    "superpixel": (superpixel_leak, 3.0),
    "wrong object": (wrong_object, 1.5),
    "part only": (part_only, 1.0),
    "holes and islands": (holes_and_islands, 1.0),
    "affine": (affine, 1.5),
    "staircase": (staircase, 0.7),
    "simple shape": (towards_simple_shape, 1.0),
}
"""Name -> (method, how often it is drawn). 'exact', 'empty' and 'full' are made by the caller: they need no search."""

TRAINING_METHODS: Methods = {
    **METHODS,
    "smooth closed curve": (smooth_closed_curve, 1.5),
    "another outline": (another_outline, 1.5),
}
"""What training draws from. The frozen lists of the evaluation keep to `METHODS`: they must come out as they were."""

MIXED_SHARE = 0.35
"""Share of masks that carry a second, slight error of another method."""


def corrupted(
    patch: ObjectPatch,
    target: float,
    rng: np.random.Generator,
    method: str | None = None,
    tries: int = 4,
    methods: Methods = METHODS,
) -> tuple[np.ndarray, float, str]:
    """A mask within TOLERANCE of the target Dice, its Dice in the patch, and the method (mixtures: 'a + b').

    Other draws (and, when `method` is None, other methods) are tried until one reaches the target; should none do,
    the nearest is returned, with its true Dice.
    """
    names = list(methods)
    weights = np.array([methods[n][1] for n in names])
    best: tuple[np.ndarray, float, str] | None = None
    for _ in range(tries):
        name = method or str(rng.choice(names, p=weights / weights.sum()))
        make = methods[name][0](patch, rng)
        label = name
        if method is None and rng.uniform() < MIXED_SHARE:
            second = str(rng.choice(["elastic deformation", "leak", "superpixel", "holes and islands"]))
            slight, _ = bisect(METHODS[second][0](patch, rng), patch.truth, rng.uniform(0.85, 0.98), steps=8)
            make = _with_error(make, slight ^ patch.truth)
            label = f"{name} + {second}"
        mask, value = bisect(make, patch.truth, target)
        if best is None or abs(value - target) < abs(best[1] - target):
            best = (mask, value, label)
        if abs(value - target) <= TOLERANCE:
            break
    assert best is not None
    return best


def _with_error(make: MaskAtStrength, error: np.ndarray) -> MaskAtStrength:
    return lambda strength: make(strength) ^ error
