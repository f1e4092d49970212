"""Thin and branching structures drawn into images, as augmentation of the estimator's training.

Vessels, ridges, fibers and bands fill little of their box. Most objects of the training sets fill most of it, and what
a thin mask is worth has to be learned from somewhere: here the curves are drawn, so that all about them is known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from evanyseg.prompts import BoxPrompt

from .sample import Sample
from .shading import shaded

LEAST_SIDE = 40
"""Pixels of the patch that the curves are drawn in, at least."""
FEWEST = 16
"""Pixels that a drawn structure has at least."""
STEPS = 24
"""Points along a curve."""


@dataclass(frozen=True)
class _Curve:
    """points: float [STEPS, 2] (x, y) in pixels; width: pixels at its thickest; tapered: thinner to its end."""

    points: np.ndarray
    width: float
    tapered: bool


def with_curves(sample: Sample, rng: np.random.Generator) -> Sample:
    """A sample whose object is drawn: curves near where the object was, a mask of them that is more or less right, and
    their Dice; the distance is unknown. The sample itself where there is no room."""
    box = BoxPrompt.of_mask(sample.truth)
    if box is None:
        return sample
    height, width = sample.truth.shape
    side = int(min(max(max(box.width, box.height) * rng.uniform(0.8, 1.8), LEAST_SIDE), height, width))
    if side < LEAST_SIDE:
        return sample
    top = int(np.clip((box.y0 + box.y1 - side) / 2, 0, height - side))
    left = int(np.clip((box.x0 + box.x1 - side) / 2, 0, width - side))
    curves = _tree(side, rng)
    asked, given = _drawn(curves, side), _worse(curves, side, rng)
    if np.count_nonzero(asked) < FEWEST or np.count_nonzero(given) < FEWEST or asked.all():
        return sample
    rows, columns = slice(top, top + side), slice(left, left + side)
    return sample.redrawn(rows, columns, shaded(sample.image[rows, columns], asked, rng), given, asked)


def _tree(side: int, rng: np.random.Generator) -> list[_Curve]:
    """One to three curves across a patch, some with branches: thin ones and bands."""
    band = rng.uniform() < 0.35
    width = side * (rng.uniform(0.08, 0.25) if band else rng.uniform(0.012, 0.06))
    curves = []
    for _ in range(1 if band else int(rng.integers(1, 4))):
        start = rng.uniform(0.1, 0.9, 2) * side
        trunk = _curve(start, rng.uniform(0, 2 * math.pi), rng.uniform(0.4, 1.1) * side, width, rng)
        curves.append(trunk)
        for _ in range(0 if band else int(rng.integers(0, 5))):
            at = int(rng.integers(STEPS // 4, STEPS))
            step = trunk.points[at] - trunk.points[at - 1]
            turned = math.atan2(step[1], step[0]) + rng.choice((-1, 1)) * rng.uniform(0.4, 1.3)
            length = rng.uniform(0.15, 0.6) * side
            curves.append(_curve(trunk.points[at], turned, length, width * rng.uniform(0.4, 0.9), rng))
    return curves


def _curve(start: np.ndarray, direction: float, length: float, width: float, rng: np.random.Generator) -> _Curve:
    bends = rng.normal(0, 0.12, STEPS) + rng.normal(0, 0.1)  # some turn to one side all the way, up to loops
    angles = direction + np.cumsum(bends)
    steps = np.stack([np.cos(angles), np.sin(angles)], axis=1) * (length / STEPS)
    return _Curve(start + np.cumsum(steps, axis=0), width, bool(rng.uniform() < 0.5))


def _worse(curves: list[_Curve], side: int, rng: np.random.Generator) -> np.ndarray:
    """bool [side, side]: the curves, moved, thicker or thinner, with some lost, cut short or never there, in parts
    missing, or filled."""
    wrong = rng.uniform() ** 0.7
    moved = rng.normal(0, 0.5 * wrong, 2) * max(c.width for c in curves)
    thicker = math.exp(rng.normal(0, 0.6 * wrong))
    kept = []
    for curve in curves:
        if len(curves) > 1 and rng.uniform() < 0.6 * wrong:
            continue
        last = STEPS if rng.uniform() > wrong else int(rng.integers(STEPS // 3, STEPS + 1))
        off = rng.normal(0, 0.25 * wrong * curve.width, 2)
        kept.append(replace(curve, points=curve.points[:last] + moved + off, width=curve.width * thicker))
    if rng.uniform() < 0.6 * wrong:
        kept += _tree(side, rng)[: int(rng.integers(1, 4))]
    mask = _drawn(kept or curves, side)
    if rng.uniform() < 0.4 * wrong:
        noise = cv2.GaussianBlur(rng.normal(0, 1, (side, side)).astype(np.float32), (0, 0), side / 14)
        mask = mask & (noise > np.quantile(noise, 0.6 * wrong * rng.uniform()))
    if rng.uniform() < 0.25 * wrong:
        size = max(int(side * rng.uniform(0.05, 0.4)), 3)
        mask = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((size, size), np.uint8)).astype(bool)
    return mask


def _drawn(curves: list[_Curve], side: int) -> np.ndarray:
    """bool [side, side]: lines as wide as the curves say."""
    out = np.zeros((side, side), np.uint8)
    for curve in curves:
        places = np.round(curve.points).astype(np.int32)
        for at in range(1, len(places)):
            share = 1.0 - 0.6 * at / STEPS if curve.tapered else 1.0
            start, end = tuple(map(int, places[at - 1])), tuple(map(int, places[at]))
            cv2.line(out, start, end, 1, max(round(curve.width * share), 1))
    return out.astype(bool)
