"""Small images whose right answer is known: a bright ellipsoid on a dark, slightly noisy ground."""

from __future__ import annotations

import numpy as np

from evanyseg.geometry.volume import Volume


def ball(shape: tuple[int, int, int] = (12, 40, 48), radius: float = 0.32) -> np.ndarray:
    """bool [K, J, I]: an ellipsoid in the middle with half axes of `radius` times each side."""
    grids = np.meshgrid(*[(np.arange(n) - (n - 1) / 2) / (n * radius) for n in shape], indexing="ij")
    return sum(g**2 for g in grids) <= 1.0


def volume(
    shape: tuple[int, int, int] = (12, 40, 48),
    dtype: type = np.int16,
    spacing: tuple[float, float, float] = (1.0, 1.0, 2.0),
    origin: tuple[float, float, float] = (-20.0, 5.0, 100.0),
    direction: np.ndarray | None = None,
) -> Volume:
    """Bright (200) ellipsoid on dark (20) ground with +-5 noise."""
    noise = np.random.default_rng(0).integers(-5, 6, shape)
    array = (np.where(ball(shape), 200, 20) + noise).astype(dtype)
    return Volume(array, spacing, origin, np.eye(3) if direction is None else direction, name="phantom")


def picture(size: tuple[int, int] = (60, 80)) -> tuple[np.ndarray, np.ndarray]:
    """(uint8 image [H, W], bool mask): a bright ellipse."""
    mask = ball((1, *size))[0]
    noise = np.random.default_rng(1).integers(-5, 6, size)
    return (np.where(mask, 200, 20) + noise).astype(np.uint8), mask
