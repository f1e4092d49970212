"""Augmentation of the segmenter's views: everything random comes from the generator that is passed in."""

from __future__ import annotations

import cv2
import numpy as np

REPAINTED = 0.15
"""Share of training samples, of both models, in which an object gets another brightness."""


def dihedral(arrays: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """The same flip and quarter turn for all [H, W, ...] arrays."""
    turn, flip = int(rng.integers(4)), bool(rng.integers(2))
    out = [np.rot90(a, turn) for a in arrays]
    return [np.ascontiguousarray(a[:, ::-1] if flip else a) for a in out]


def small_rotation(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """2x3 matrix for cv2.warpAffine: up to 25 degrees and 15 % zoom about the centre, with some shear."""
    centre = (shape[1] / 2, shape[0] / 2)
    matrix = cv2.getRotationMatrix2D(centre, rng.uniform(-25, 25), rng.uniform(0.88, 1.15))
    matrix[0, 1] += rng.uniform(-0.12, 0.12)
    matrix[1, 0] += rng.uniform(-0.12, 0.12)
    matrix[:, 2] += np.array(centre) - matrix[:, :2] @ centre - matrix[:, 2]
    return matrix


def intensities(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8 [H, W, 3] with another tone curve, perhaps inverted, grey, blurred or noisy."""
    ramp = np.linspace(0, 1, 256)
    curve = ramp ** np.exp(rng.uniform(-0.6, 0.6))
    if rng.random() < 0.3:  # a window that clips, as clinicians choose them
        low, high = np.sort(rng.uniform((0, 0.6), (0.3, 1.0)))
        curve = np.clip((curve - low) / (high - low), 0, 1)
    if rng.random() < 0.12:
        curve = 1 - curve
    pixels = cv2.LUT(pixels, (curve * 255).astype(np.uint8))
    chance = rng.random()
    if chance < 0.12:
        pixels = np.repeat(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    elif chance < 0.3:
        gains = rng.uniform(0.8, 1.2, 3)
        pixels = np.clip(pixels[..., rng.permutation(3)] * gains, 0, 255).astype(np.uint8)
    if rng.random() < 0.12:
        pixels = cv2.GaussianBlur(pixels, (0, 0), float(rng.uniform(0.5, 1.6)))
    if rng.random() < 0.2:
        noise = rng.normal(0, rng.uniform(3, 14), pixels.shape[:2]).astype(np.float32)
        pixels = np.clip(pixels + noise[..., None], 0, 255).astype(np.uint8)
    return np.ascontiguousarray(pixels)


def repainted(pixels: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8 [H, W, 3] with the object of a mask (uint8 [H, W], 0..255) made lighter or darker.

    What an object of one data set looks like says nothing about the next one; that it ends where the picture changes
    holds for all.
    """
    step = rng.uniform(20, 90) * rng.choice((-1, 1)) * rng.uniform(0.6, 1.0, 3)
    return np.clip(pixels + (mask[..., None] / 255) * step, 0, 255).astype(np.uint8)


def jittered_box(box: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Box (x0, y0, x1, y1) with each side moved in or out by up to `amount` of its length, at least half as far."""
    sides = np.array([box[2] - box[0], box[3] - box[1]] * 2)
    moves = rng.uniform(amount / 2, amount, 4) * rng.choice((-1, 1), 4)
    return box + moves * sides
