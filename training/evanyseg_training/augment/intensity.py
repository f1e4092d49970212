"""Other intensities of the same image, for both trainings: everything random comes from the generator that is passed
in."""

from __future__ import annotations

import cv2
import numpy as np

from evanyseg.pixels import as_rgb

OBJECT_SHIFT_SHARE = 0.15
"""Share of training samples, of both models, in which an object gets another brightness."""


def intensities(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8 [H, W, 3] with another tone curve; at times clipped, inverted, gray, of other colors, unevenly lit, blurred
    or noisy. The object stays where it is, so masks and Dice hold."""
    pixels = cv2.LUT(np.ascontiguousarray(pixels), (_tone_curve(rng) * 255).astype(np.uint8))
    chance = rng.random(4)
    if chance[0] < 0.2:
        pixels = as_rgb(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
    elif chance[0] < 0.4:
        gains = rng.uniform(0.8, 1.2, 3)
        pixels = np.clip(pixels[..., rng.permutation(3)] * gains, 0, 255).astype(np.uint8)
    if chance[1] < 0.15:
        pixels = cv2.GaussianBlur(pixels, (0, 0), float(rng.uniform(0.5, 1.4)))
    if chance[2] < 0.2:
        pixels = _unevenly_lit(pixels, rng)
    if chance[3] < 0.25:
        noise = rng.standard_normal(pixels.shape[:2], dtype=np.float32) * np.float32(rng.uniform(2, 14))
        pixels = np.clip(pixels + noise[..., None], 0, 255).astype(np.uint8)
    return np.ascontiguousarray(pixels)


def _tone_curve(rng: np.random.Generator) -> np.ndarray:
    """float64 [256] in [0, 1]: gamma, a window that clips (as clinicians choose them), inversion."""
    curve = np.linspace(0, 1, 256) ** np.exp(rng.uniform(-0.6, 0.6))
    if rng.random() < 0.25:
        low, high = rng.uniform((0, 0.55), (0.35, 1.0))
        curve = np.clip((curve - low) / (high - low), 0, 1)
    return 1 - curve if rng.random() < 0.1 else curve


def _unevenly_lit(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The light of a coil or a lamp: a plane over the image."""
    across, down = (np.linspace(-1, 1, n, dtype=np.float32) for n in (pixels.shape[1], pixels.shape[0]))
    slopes = rng.uniform(-0.4, 0.4, 2).astype(np.float32)
    light = 1 + slopes[0] * across[None] + slopes[1] * down[:, None]
    return np.clip(pixels * light[..., None], 0, 255).astype(np.uint8)


def object_intensity_shifted(pixels: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8 [H, W, 3] with the object of a mask (uint8 [H, W], 0..255) made lighter or darker.

    What an object of one data set looks like says nothing about the next one; that it ends where the image changes
    holds for all.
    """
    step = rng.uniform(20, 90) * rng.choice((-1, 1)) * rng.uniform(0.6, 1.0, 3)
    return np.clip(pixels + (mask[..., None] / 255) * step, 0, 255).astype(np.uint8)
