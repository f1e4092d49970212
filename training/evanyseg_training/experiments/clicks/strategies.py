"""Where the next click goes: by expected information gain, by the truth (oracle, largest error), or by chance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from evanyseg.overlap import dice
from evanyseg.pipeline.next_click import GRID, PREDICTED_IOU, next_click
from evanyseg.prompts import BoxPrompt

from .session import Session, center

Place = tuple[float, float]
Strategy = Callable[[Session, np.random.Generator], Place]

NEAR = 1.3
"""Random clicks near the object fall into its true box, enlarged by this."""


def by_gain(session: Session, rng: np.random.Generator) -> Place:
    """The paper's: the point of its grid with the highest exact EIG."""
    found = next_click(session.segmenter, session.answer, session.points, GRID)
    return found.x, found.y


def by_gain_of_pixels(session: Session, rng: np.random.Generator) -> Place:
    """The viewer's: the best of all pixels."""
    found = next_click(session.segmenter, session.answer, session.points)
    return found.x, found.y


def by_weighted_gain(session: Session, rng: np.random.Generator) -> Place:
    """The best of all pixels, heads counting by their predicted IoU."""
    found = next_click(session.segmenter, session.answer, session.points, weights=PREDICTED_IOU)
    return found.x, found.y


def oracle(session: Session, rng: np.random.Generator) -> Place:
    """The point of the grid whose click gives the best Dice: every one is tried."""
    best, most = (0.0, 0.0), -1.0
    for x, y in _free(session):
        found = session.after(session.point(x, y)).dice
        if found > most:
            best, most = (x, y), found
    return best


def largest_error(session: Session, rng: np.random.Generator) -> Place:
    """The deepest pixel of the largest connected error; the object's center where nothing is wrong."""
    wrong = session.mask != session.truth
    if not wrong.any():
        return center(session.truth)
    parts, _ = ndimage.label(wrong)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return center(parts == int(np.argmax(sizes)))


def by_chance(session: Session, rng: np.random.Generator) -> Place:
    """Any point of the grid that was not clicked."""
    free = _free(session)
    return free[int(rng.integers(len(free)))]


def by_chance_near(session: Session, rng: np.random.Generator) -> Place:
    """Any place in and around the object: a person who looks at it, but not at the mask."""
    height, width = session.truth.shape
    box = BoxPrompt.of_mask(session.truth)
    assert box is not None
    around = box.scaled(NEAR).validated((height, width))
    x, y = rng.uniform(around.x0, around.x1), rng.uniform(around.y0, around.y1)
    return min(float(x), width - 0.5), min(float(y), height - 0.5)


def _free(session: Session) -> list[Place]:
    height, width = session.truth.shape
    clicked = {(int(p.x / width * GRID), int(p.y / height * GRID)) for p in session.points}
    return [
        ((column + 0.5) * width / GRID, (row + 0.5) * height / GRID)
        for row in range(GRID)
        for column in range(GRID)
        if (column, row) not in clicked
    ]


EIG, EIG_PIXELS, EIG_WEIGHTED = "EIG (paper's grid)", "EIG (every pixel)", "EIG (weighted by predicted IoU)"
ORACLE, LARGEST_ERROR, RANDOM, RANDOM_NEAR = "Oracle", "center of the largest error", "random", "random near the object"
STRATEGIES: dict[str, Strategy] = {
    EIG: by_gain,
    EIG_PIXELS: by_gain_of_pixels,
    EIG_WEIGHTED: by_weighted_gain,
    ORACLE: oracle,
    LARGEST_ERROR: largest_error,
    RANDOM: by_chance,
    RANDOM_NEAR: by_chance_near,
}
DRAWS = {RANDOM: 3, RANDOM_NEAR: 3}
"""Repetitions of what is drawn; 1 of the others."""


def dice_between(masks: np.ndarray) -> float:
    """Mean Dice of all pairs of masks [K, H, W]: how alike a segmenter's alternatives are."""
    pairs = [dice(a, b) for n, a in enumerate(masks) for b in masks[n + 1 :]]
    return float(np.mean(pairs))
