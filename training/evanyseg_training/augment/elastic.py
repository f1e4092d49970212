"""Elastic deformation of masks together with their images, as augmentation of the estimator's training.

Some thousand objects show few shapes. What a mask is worth does not depend on which of the world's shapes its object
has, so the object, the mask and the image under them are deformed together, and the Dice is measured anew.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from evanyseg.overlap import dice
from evanyseg.prompts import BoxPrompt

from .sample import Sample

SIDES = (48, 288)
"""Smallest and largest patch in pixels."""
MARGIN = 2.4
"""Patch side over the longer side of the object or the mask: as much as the widest window shows."""
FEWEST = 8
"""Pixels that an object keeps at least."""


def elastically_deformed(sample: Sample, rng: np.random.Generator) -> Sample:
    """A patch around the object and the mask with another shape, its Dice measured anew and its distance unknown; the
    sample itself where too little would be left."""
    boxes = [b for b in (BoxPrompt.of_mask(sample.truth), BoxPrompt.of_mask(sample.mask)) if b is not None]
    if not boxes:
        return sample
    x, y = _places(boxes, rng)
    image = cv2.remap(np.ascontiguousarray(sample.image), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask, truth = (
        cv2.remap(m.view(np.uint8) * np.uint8(255), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT) > 127
        for m in (sample.mask, sample.truth)
    )
    lost = sample.mask.any() and np.count_nonzero(mask) < FEWEST
    if lost or np.count_nonzero(truth) < FEWEST:
        return sample
    # measuring the distance anew would take longer than all the rest
    return Sample(image.reshape(*mask.shape, -1), mask, truth, dice(mask, truth), math.nan)


def _places(boxes: list[BoxPrompt], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """float32 [n, n] each: x and y, in the image's pixels, that the patch's pixels show."""
    x0, y0 = min(b.x0 for b in boxes), min(b.y0 for b in boxes)
    x1, y1 = max(b.x1 for b in boxes), max(b.y1 for b in boxes)
    longest = max(max(b.width, b.height) for b in boxes)
    side = max(MARGIN * longest, 1.4 * max(x1 - x0, y1 - y0))
    n = int(np.clip(side * math.exp(rng.uniform(-0.35, 0.35)), *SIDES))
    angle, stretch, shear = rng.uniform(-math.pi / 4, math.pi / 4), rng.uniform(-0.3, 0.3), rng.uniform(-0.2, 0.2)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    matrix = turn @ np.array([[math.exp(stretch), shear], [0.0, math.exp(-stretch)]]) * (side / 2)
    unit = (np.arange(n, dtype=np.float32) + 0.5) * (2 / n) - 1
    # a coarse grid of random moves, smoothly filled in
    knots = int(rng.integers(3, 7))
    amount = rng.uniform(0, 0.3) / knots
    moves = rng.normal(0, amount * side / 2, (knots, knots, 2)).astype(np.float32)
    bending = cv2.resize(moves, (n, n), interpolation=cv2.INTER_CUBIC)
    x = matrix[0, 0] * unit[None] + matrix[0, 1] * unit[:, None] + (x0 + x1 - 1) / 2 + bending[..., 0]
    y = matrix[1, 0] * unit[None] + matrix[1, 1] * unit[:, None] + (y0 + y1 - 1) / 2 + bending[..., 1]
    return x.astype(np.float32), y.astype(np.float32)
