"""Another brightness for part of an image, as augmentation paints what it adds."""

from __future__ import annotations

import cv2
import numpy as np

CONTRAST = (15.0, 90.0)
"""Gray levels between what is painted and what was there."""


def shaded(pixels: np.ndarray, where: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8 [h, w, C] with another brightness, contrast and noise where bool [h, w]; the edge at times blurred."""
    share: np.ndarray = where.astype(np.float32)
    blur = rng.uniform(0.0, 1.6)
    if blur > 0.4:
        share = cv2.GaussianBlur(share, (0, 0), float(blur))
    original = pixels.astype(np.float32)
    mean = original[where].mean(axis=0)
    # away from the nearer end of the gray levels, so that clipping does not take the contrast
    brighter = rng.uniform() < np.clip((220 - float(mean.mean())) / 185, 0.0, 1.0)
    step = rng.uniform(*CONTRAST) * (1 if brighter else -1) * rng.uniform(0.6, 1.0, pixels.shape[2])
    noise = cv2.GaussianBlur(rng.normal(0, 1, where.shape).astype(np.float32), (0, 0), float(rng.uniform(0.5, 3)))
    noise = noise * np.float32(rng.uniform(0, 14) / max(float(noise.std()), 1e-6))
    new = mean + step + rng.uniform(0.2, 1.0) * (original - mean) + noise[..., None]
    mixed = share[..., None] * new + (1 - share[..., None]) * original
    return np.clip(mixed, 0, 255).astype(np.uint8)
