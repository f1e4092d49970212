"""Damage families: masks that are wrong in a known way by a known amount."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .base import TOLERANCE, Maker, Scene, bisect
from .edges import leak, superpixel_leak
from .shape import affine, holes_and_islands, part_only, staircase, towards_simple_shape, warp
from .wrong import wrong_object

__all__ = ["FAMILIES", "TOLERANCE", "Scene", "bisect", "damaged"]

FAMILIES: dict[str, tuple[Callable[[Scene, np.random.Generator], Maker], float]] = {
    "warp": (warp, 2.0),
    "leak": (leak, 3.0),
    "superpixel": (superpixel_leak, 3.0),
    "wrong object": (wrong_object, 1.5),
    "part only": (part_only, 1.0),
    "holes and islands": (holes_and_islands, 1.0),
    "affine": (affine, 1.5),
    "staircase": (staircase, 0.7),
    "simple shape": (towards_simple_shape, 1.0),
}
"""Name -> (family, how often it is drawn). 'exact', 'empty' and 'full' are made by the caller: they need no search."""

MIXED_SHARE = 0.35
"""Share of masks that carry a second, slight error of another family."""


def damaged(
    scene: Scene, target: float, rng: np.random.Generator, family: str | None = None, tries: int = 4
) -> tuple[np.ndarray, float, str]:
    """A mask within TOLERANCE of the target Dice, its Dice in the scene, and the family (mixtures: 'a + b').

    Other draws (and, when `family` is None, other families) are tried until one reaches the target; should none do,
    the nearest is returned, with its true Dice.
    """
    names = list(FAMILIES)
    weights = np.array([FAMILIES[n][1] for n in names])
    best: tuple[np.ndarray, float, str] | None = None
    for _ in range(tries):
        name = family or str(rng.choice(names, p=weights / weights.sum()))
        make = FAMILIES[name][0](scene, rng)
        label = name
        if family is None and rng.uniform() < MIXED_SHARE:
            second = str(rng.choice(["warp", "leak", "superpixel", "holes and islands"]))
            slight, _ = bisect(FAMILIES[second][0](scene, rng), scene.truth, rng.uniform(0.85, 0.98), steps=8)
            make = _with_error(make, slight ^ scene.truth)
            label = f"{name} + {second}"
        mask, value = bisect(make, scene.truth, target)
        if best is None or abs(value - target) < abs(best[1] - target):
            best = (mask, value, label)
        if abs(value - target) <= TOLERANCE:
            break
    assert best is not None
    return best


def _with_error(make: Maker, error: np.ndarray) -> Maker:
    return lambda strength: make(strength) ^ error
