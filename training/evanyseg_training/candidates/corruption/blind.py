"""Outlines that fit the box but not the image: neat, plausible, and blind to where the object's edges are.

Networks that fail on unfamiliar images draw such shapes; an estimator that only asks whether a mask looks like an
object takes them for good ones. At strength 1 the mask is the blind shape alone, with whatever Dice it happens to have.
"""

from __future__ import annotations

import cv2
import numpy as np

from evanyseg.prompts import BoxPrompt

from .base import MaskAtStrength, ObjectPatch, signed_distance

BOX_ERROR = 0.04
"""Standard deviation of each edge of the box that the shape is laid into, as a share of the side."""
HARMONICS = 5
"""Waves around a smooth closed curve: more would no longer be smooth."""


def smooth_closed_curve(patch: ObjectPatch, rng: np.random.Generator) -> MaskAtStrength:
    """A random smooth closed curve as large as the object's box, in its place."""
    angles = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    radius = np.ones_like(angles)
    for wave in range(2, 2 + HARMONICS):
        radius += rng.normal(0, 0.22 / wave) * np.cos(wave * angles + rng.uniform(0, 2 * np.pi))
    points = np.clip(radius, 0.3, None)[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return _towards(patch, _laid_into(patch, points, rng))


def another_outline(patch: ObjectPatch, rng: np.random.Generator) -> MaskAtStrength:
    """The outline of another object of the image, else the object's own turned or mirrored, stretched to its box."""
    usable = [o for o in patch.others if o.sum() >= 12]
    if usable and rng.uniform() < 0.7:
        shape = usable[int(rng.integers(len(usable)))]
    else:
        shape = np.rot90(patch.truth, int(rng.integers(1, 4)))
        shape = shape[:, ::-1] if rng.uniform() < 0.5 else shape
    outlines, _ = cv2.findContours(np.ascontiguousarray(shape, np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    largest = max(outlines, key=len)[:, 0].astype(float)
    return _towards(patch, _laid_into(patch, largest, rng))


def _laid_into(patch: ObjectPatch, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """bool [h, w]: the polygon of points [N, 2] (x, y), stretched to the truth's box, which is a little off."""
    box = BoxPrompt.of_mask(patch.truth)
    assert box is not None
    low = np.array([box.x0, box.y0], float)
    side = np.maximum(np.array([box.x1, box.y1], float) - low, 1)
    low = low + rng.normal(0, BOX_ERROR, 2) * side
    side = side * np.exp(rng.normal(0, BOX_ERROR, 2))
    span = np.maximum(np.ptp(points, axis=0), 1e-6)
    # pixel centers: a shape over n pixels spans n - 1 of them
    placed = (points - points.min(0)) / span * np.maximum(side - 1, 1) + low
    filled = np.zeros(patch.truth.shape, np.uint8)
    cv2.fillPoly(filled, [np.round(placed).astype(np.int32)], 1)
    return filled.astype(bool)


def _towards(patch: ObjectPatch, shape: np.ndarray) -> MaskAtStrength:
    other = signed_distance(shape) if shape.any() else patch.distance
    return lambda strength: (1 - strength) * patch.distance + strength * other < 0
