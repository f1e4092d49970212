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


def stored_as(
    array: np.ndarray, matrix: np.ndarray, permutation: tuple[int, ...], signs: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """The same voxels in the same places, in another order: new axis n (I, J, K) is old axis permutation[n], reversed
    where signs[n] is -1. `array` [K, J, I(, C)], `matrix` 4x4 voxel indices to world (of any kind)."""
    change = np.zeros((4, 4))
    change[3, 3] = 1
    for new, (old, sign) in enumerate(zip(permutation, signs, strict=True)):
        change[old, new] = sign
        if sign < 0:
            change[old, 3] = array.shape[2 - old] - 1
    order = [2 - permutation[2 - a] for a in range(3)]
    turned = np.flip(array.transpose(*order, *range(3, array.ndim)), [a for a in range(3) if signs[2 - a] < 0])
    return np.ascontiguousarray(turned), matrix @ change
