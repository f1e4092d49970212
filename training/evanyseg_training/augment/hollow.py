"""Objects made hollow together with their images, as augmentation of the estimator's training.

A myocardium, a cell's cytoplasm or the wall of a vessel is a ring around something that is not asked for. Hardly an
object of the training sets is one, so that a network learns that what is filled is right. Here an object gets a cavity,
or a wall, that can be seen, and what was asked for is drawn: mostly the wall, at times all of it or what is inside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from evanyseg.prompts import BoxPrompt

from .sample import Sample
from .shading import shaded

LEAST_DEPTH = 4.0
"""Pixels from the outline to the middle of an object that can become hollow."""
FEWEST = 12
"""Pixels that a wall and a cavity have at least."""
ASKED = (0.65, 0.2, 0.15)
"""How often the wall, the object with its cavity, and the cavity are what was asked for."""
GIVEN = ((0.45, 0.4, 0.15), (0.45, 0.4, 0.15), (0.2, 0.2, 0.6))
"""How often a mask is of the wall, the whole or the cavity, by which of them was asked for."""


@dataclass(frozen=True)
class _Nested:
    """An outer outline with an inner one, and masks of them that are not quite right; bool [h, w] each."""

    outer: np.ndarray
    inner: np.ndarray
    outer_mask: np.ndarray
    inner_mask: np.ndarray


def hollowed(sample: Sample, rng: np.random.Generator, prompted: bool = True) -> Sample:
    """A sample whose object has a cavity or has got a wall: another image, truth, mask and Dice, distance unknown; the
    sample itself where the object is too thin or the mask empty. Not `prompted`: what was asked for is what the mask
    outlines, as nobody could tell otherwise."""
    box, mask_box = BoxPrompt.of_mask(sample.truth), BoxPrompt.of_mask(sample.mask)
    if box is None or mask_box is None:
        return sample
    margin = math.ceil(min(box.width, box.height) / 2) + 3
    rows = slice(max(int(min(box.y0, mask_box.y0)) - margin, 0), int(max(box.y1, mask_box.y1)) + margin)
    columns = slice(max(int(min(box.x0, mask_box.x0)) - margin, 0), int(max(box.x1, mask_box.x1)) + margin)
    truth, mask = sample.truth[rows, columns], sample.mask[rows, columns]
    depth = _distance(truth)
    deepest = float(depth.max())
    if deepest < LEAST_DEPTH:
        return sample
    walled = rng.uniform() < 0.4
    nested = _with_wall(truth, mask, deepest, rng) if walled else _with_cavity(truth, mask, depth, deepest, rng)
    wall = nested.outer & ~nested.inner
    if min(np.count_nonzero(wall), np.count_nonzero(nested.inner)) < FEWEST:
        return sample
    asked, given = _asked_and_given(nested, rng, prompted)
    if not given.any():
        return sample
    pixels = shaded(sample.image[rows, columns], wall if walled else nested.inner, rng)
    return sample.redrawn(rows, columns, pixels, given, asked)


def _with_cavity(
    truth: np.ndarray, mask: np.ndarray, depth: np.ndarray, deepest: float, rng: np.random.Generator
) -> _Nested:
    """The object as the outer outline; inside it a level of its depth, at times off the middle or open to a side."""
    level = rng.uniform(0.2, 0.7)
    off = rng.choice((0.0, 0.6, 1.5), p=(0.45, 0.35, 0.2)) * level * deepest
    move = off * _direction(rng)
    inner = truth & _moved(depth > level * deepest, move)
    if rng.uniform() < 0.3:
        return _Nested(truth, inner, mask, inner)
    other_level = float(np.clip(level + rng.normal(0, 0.15), 0.05, 0.9))
    other = _moved(depth > other_level * deepest, move + rng.normal(0, 0.12 * deepest, 2))
    return _Nested(truth, inner, mask, other)


def _with_wall(truth: np.ndarray, mask: np.ndarray, deepest: float, rng: np.random.Generator) -> _Nested:
    """The object as the inner outline, with a wall of some thickness around it."""
    outside = _distance(~truth)
    thickness = rng.uniform(0.2, 0.8) * deepest
    other = thickness * math.exp(rng.normal(0, 0.25))
    outer = outside <= thickness
    outer_mask = outer if rng.uniform() < 0.3 else _moved(outside <= other, rng.normal(0, 0.1 * deepest, 2))
    return _Nested(outer, truth, outer_mask | mask, mask)


def _asked_and_given(nested: _Nested, rng: np.random.Generator, prompted: bool) -> tuple[np.ndarray, np.ndarray]:
    """What was meant, and the mask that is given for it; bool [h, w] each."""
    truths = (nested.outer & ~nested.inner, nested.outer, nested.inner)
    masks = (nested.outer_mask & ~nested.inner_mask, nested.outer_mask, nested.inner_mask)
    asked = int(rng.choice(3, p=ASKED))
    given = int(rng.choice(3, p=GIVEN[asked])) if prompted else asked
    return truths[asked], masks[given]


def _distance(inside: np.ndarray) -> np.ndarray:
    """float32 [h, w]: pixels to the nearest pixel that is not inside; beyond the patch is outside."""
    padded = np.pad(inside.astype(np.uint8), 1)
    found: np.ndarray = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
    return found


def _direction(rng: np.random.Generator) -> np.ndarray:
    angle = rng.uniform(0, 2 * math.pi)
    return np.array([math.cos(angle), math.sin(angle)])


def _moved(mask: np.ndarray, by: np.ndarray) -> np.ndarray:
    """A mask [h, w] moved by (x, y) pixels."""
    matrix = np.array([[1, 0, by[0]], [0, 1, by[1]]], np.float32)
    return cv2.warpAffine(mask.astype(np.uint8), matrix, mask.shape[::-1], flags=cv2.INTER_NEAREST).astype(bool)
