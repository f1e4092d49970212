"""Flips, turns and small rotations: everything random comes from the generator that is passed in."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np


def dihedral(
    arrays: Sequence[np.ndarray], rng: np.random.Generator, axes: tuple[int, int] = (0, 1)
) -> list[np.ndarray]:
    """The same one of the eight symmetries of the square (quarter turns, then perhaps a mirror image) for all arrays,
    whose `axes` are (rows, columns)."""
    turns, flip = int(rng.integers(4)), bool(rng.integers(2))
    turned = [np.rot90(a, turns, axes) for a in arrays]
    return [np.ascontiguousarray(np.flip(a, axes[1]) if flip else a) for a in turned]


def small_rotation(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """2x3 matrix for cv2.warpAffine: up to 25 degrees and 15 % zoom about the center, with some shear."""
    center = (shape[1] / 2, shape[0] / 2)
    matrix = cv2.getRotationMatrix2D(center, rng.uniform(-25, 25), rng.uniform(0.88, 1.15))
    matrix[0, 1] += rng.uniform(-0.12, 0.12)
    matrix[1, 0] += rng.uniform(-0.12, 0.12)
    matrix[:, 2] += np.array(center) - matrix[:, :2] @ center - matrix[:, 2]
    return matrix
