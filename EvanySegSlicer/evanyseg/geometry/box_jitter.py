"""Prompt boxes that are a little off, as people draw them: one jitter for training, adaptation, held-out lists and
reports."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..prompts import MIN_SIDE, BoxPrompt


def jittered(
    box: BoxPrompt, shape: Sequence[int], rng: np.random.Generator, most: float, least: float = 0.0
) -> BoxPrompt:
    """Each edge moved in or out by least..most of its side (flat between them), on an image of shape (H, W)."""
    moves = rng.uniform(least, most, 4) * rng.choice((-1, 1), 4)
    return moved(box, shape, moves)


def jittered_normally(box: BoxPrompt, shape: Sequence[int], rng: np.random.Generator, deviation: float) -> BoxPrompt:
    """Each edge moved by a normal share of its side: mostly little, now and then far. What candidates are prompted
    with and the estimator is trained on, which should meet poor boxes too."""
    across, down = rng.normal(0, deviation, 2), rng.normal(0, deviation, 2)
    return moved(box, shape, np.array([across[0], down[0], across[1], down[1]]))


def moved(box: BoxPrompt, shape: Sequence[int], moves: np.ndarray) -> BoxPrompt:
    """The edges x0, y0, x1, y1 moved by shares of the box's side, kept on the image; the box itself where less than
    MIN_SIDE pixels a side would be left."""
    sides = np.array([box.width, box.height] * 2)
    xa, ya, xb, yb = np.array(box.as_tuple()) + moves * sides
    x0, x1 = np.clip(sorted((xa, xb)), 0, shape[1])
    y0, y1 = np.clip(sorted((ya, yb)), 0, shape[0])
    if min(x1 - x0, y1 - y0) < MIN_SIDE:
        return box
    return BoxPrompt(float(x0), float(y0), float(x1), float(y1))
