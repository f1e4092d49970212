"""Images painted anew from their own regions, as augmentation: random intensities, textures, blur, bias, noise.

Domain randomization (Billot et al., "SynthSeg", 2023): where an intensity means nothing, outlines are left to learn.
A data set's label maps name few of the things that an image shows, so the regions around the object are the image's own
gray levels, cut into classes.
"""

from __future__ import annotations

import cv2
import numpy as np

from .texture import has_outline, with_contrast

CLASSES = (3, 8)
"""Classes of gray levels around the object, least and most + 1; inside it there are up to three."""


def painted(pixels: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8 [n, n, 3]: the image's regions and the object of `mask` (uint8 [n, n], 0..255) in other grays.

    An object too small or too large to have a visible outline leaves the pixels as they are.
    """
    inside = mask > 127
    if not has_outline(inside):
        return pixels
    gray = cv2.GaussianBlur(pixels.mean(axis=2).astype(np.float32), (0, 0), float(rng.uniform(0.8, 2.5)))
    around = _in_classes(gray, ~inside, int(rng.integers(*CLASSES)), rng)
    thing = _in_classes(gray, inside, int(rng.integers(1, 4)), rng)
    thing = with_contrast(thing, around, inside, rng)
    share = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), float(rng.uniform(0.3, 1.2)))
    mixed = share * thing + (1 - share) * around
    mixed = mixed * (1 + rng.uniform(0, 0.35) * _smooth(mixed.shape, len(mixed) / 3, rng))
    if rng.uniform() < 0.5:
        mixed = cv2.GaussianBlur(mixed, (0, 0), float(rng.uniform(0.4, 1.2)))
    mixed = mixed + rng.normal(0, rng.uniform(0, 12), mixed.shape)
    return np.repeat(np.clip(mixed, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def _in_classes(gray: np.ndarray, where: np.ndarray, classes: int, rng: np.random.Generator) -> np.ndarray:
    """float32 [n, n]: classes of the gray levels found `where`, each of a level and a texture of its own."""
    edges = np.quantile(gray[where], np.sort(rng.uniform(0.05, 0.95, classes - 1))) if classes > 1 else []
    region = np.digitize(gray, edges)
    levels = rng.uniform(0, 255, classes)
    strength = rng.uniform(0, 20, classes)
    kept = float(rng.uniform(0, 0.25))
    texture = _smooth(gray.shape, float(rng.uniform(0.6, 4.0)), rng)
    found: np.ndarray = levels[region] + strength[region] * texture + kept * (gray - gray[where].mean())
    return found.astype(np.float32)


def _smooth(shape: tuple[int, ...], sigma: float, rng: np.random.Generator) -> np.ndarray:
    """float32 [n, n]: Gaussian noise of a scale, of mean 0 and SD 1."""
    noise = cv2.GaussianBlur(rng.normal(0, 1, shape).astype(np.float32), (0, 0), sigma)
    found: np.ndarray = (noise - noise.mean()) / max(float(noise.std()), 1e-6)
    return found
