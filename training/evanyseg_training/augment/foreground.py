"""All that an image shows on its dark background, as an object: a brain, a head, a body, as augmentation.

Brain and body masks are common, and no training set has them: a mask as large as a brain was wrong wherever a network
met one. Where the background is dark, what is in front of it can be found without anybody's labels.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from evanyseg.overlap import dice

from ..candidates.corruption import corrupted
from ..candidates.corruption.base import ObjectPatch
from .sample import Sample

SIDE = 160
"""Pixels of the longer side of the image that is worked on."""
DARK = 0.12
"""Share of the bright gray levels below which it is background."""
SHARES = (0.08, 0.8)
"""Of the image, that is foreground."""
FREE = 0.6
"""Share of the image's edge that is background."""
EXACT = 0.15
"""How often the mask is right."""


def with_foreground(sample: Sample, rng: np.random.Generator) -> Sample:
    """A sample whose object is the image's foreground, with a corrupted mask of it; the distance is unknown. The
    sample itself where there is no dark background."""
    image = _reduced(sample.image)
    gray: np.ndarray = image.mean(axis=2).astype(np.float32)
    truth = foreground(gray)
    if truth is None:
        return sample
    mask = truth
    if rng.uniform() >= EXACT:
        mask, _, _ = corrupted(ObjectPatch(gray / 255, truth), float(rng.uniform()), rng, tries=2)
    return Sample(image, mask, truth, dice(mask, truth), math.nan) if mask.any() else sample


def foreground(gray: np.ndarray) -> np.ndarray | None:
    """bool [H, W]: the largest bright component of a gray image [H, W], filled; None where it fills too little or too
    much of the image, or reaches its edge in too many places."""
    smooth = cv2.medianBlur(gray.astype(np.float32), 3)
    bright: np.ndarray = (smooth > max(DARK * float(np.percentile(smooth, 98)), 4.0)).astype(np.uint8)
    bright = cv2.morphologyEx(bright, cv2.MORPH_OPEN, np.ones((3, 3)))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(bright)
    if count < 2:
        return None
    largest = (labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)
    outlines, _ = cv2.findContours(largest, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros_like(largest), outlines, -1, 1, cv2.FILLED).astype(bool)
    edge = np.concatenate([filled[0], filled[-1], filled[:, 0], filled[:, -1]])
    fits = SHARES[0] <= filled.mean() <= SHARES[1] and 1 - edge.mean() >= FREE
    return filled if fits else None


def _reduced(image: np.ndarray) -> np.ndarray:
    height, width, channels = image.shape
    scale = SIDE / max(height, width)
    if scale >= 1:
        return image
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    small = cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_AREA)
    return small.reshape(size[1], size[0], channels)
