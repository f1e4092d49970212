"""Volume matrices of every orientation, for tests of geometry."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np

ORIENTATIONS = [(p, s) for p in permutations(range(3)) for s in product((1, -1), repeat=3)]
"""All 48 ways to lay voxel axes along R, A, S: (world axis of I, J, K; sign of each)."""


def oriented_matrix(
    permutation: tuple[int, ...] = (0, 1, 2),
    signs: tuple[int, ...] = (1, 1, 1),
    spacing: tuple[float, ...] = (1.0, 1.0, 1.0),
    origin: tuple[float, ...] = (0.0, 0.0, 0.0),
    rotation: np.ndarray | None = None,
) -> np.ndarray:
    """IJK to RAS, 4x4: axis permutation and flips, then an optional rotation 3x3."""
    matrix = np.eye(4)
    directions = np.zeros((3, 3))
    for axis in range(3):
        directions[permutation[axis], axis] = signs[axis]
    if rotation is not None:
        directions = rotation @ directions
    matrix[:3, :3] = directions * np.array(spacing)
    matrix[:3, 3] = origin
    return matrix


def rotation(*degrees: float) -> np.ndarray:
    """3x3, about R, then A, then S."""
    result = np.eye(3)
    for axis, angle in enumerate(np.deg2rad(degrees)):
        a, b = [n for n in range(3) if n != axis]
        turn = np.eye(3)
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        result = turn @ result
    return result
