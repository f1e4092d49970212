"""Labels on one grid brought to another by moving voxels, where the two share them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from .volume import Volume

NEAR = 0.1
"""Voxel centres this near to each other, in voxels and at every corner, are the same: files round their headers."""


@dataclass(frozen=True)
class VoxelMove:
    """Voxels of one grid are voxels of the other: axes reordered, some reversed, then shifted.

    order: for each axis (k, j, i) of the target the source axis; reverse: the target axes that run backwards;
    start: (k, j, i) of the moved grid's first voxel on the target.
    """

    order: tuple[int, int, int]
    reverse: tuple[int, ...]
    start: tuple[int, int, int]

    @property
    def identity(self) -> bool:
        return self.order == (0, 1, 2) and not self.reverse and self.start == (0, 0, 0)

    def apply(self, layer: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
        """labels [K, J, I] on the target's grid of `shape`; 0 where the source has no voxel."""
        turned = np.flip(layer.transpose(self.order), self.reverse)
        out = np.zeros(shape, layer.dtype)
        to, source = [], []
        for start, size, inner in zip(self.start, shape, turned.shape, strict=True):
            first, last = max(start, 0), min(start + inner, size)
            if last <= first:
                return out
            to.append(slice(first, last))
            source.append(slice(first - start, last - start))
        out[tuple(to)] = turned[tuple(source)]
        return out


def voxel_map(source: Volume, target: Volume) -> np.ndarray:
    """[4, 4]: voxel indices (i, j, k) of `source` to those of `target`."""
    return np.linalg.inv(target.ijk_to_lps) @ source.ijk_to_lps


def voxel_move(source: Volume, target: Volume) -> VoxelMove | None:
    """The move from one grid to the other; None when their voxels do not coincide everywhere."""
    return move_of_map(voxel_map(source, target), source.shape)


def move_of_map(exact: np.ndarray, shape: tuple[int, ...]) -> VoxelMove | None:
    """The same for a [4, 4] map of voxel indices (i, j, k) and the source's shape (K, J, I)."""
    near = np.round(exact[:3, :3])
    if not (np.abs(near).sum(axis=0) == 1).all() or not (np.abs(near).sum(axis=1) == 1).all():
        return None
    shift = np.round(exact[:3, 3])
    corners = np.array([[*c, 1.0] for c in product(*((0, n - 1) for n in reversed(shape)))])
    whole = np.eye(4)
    whole[:3, :3], whole[:3, 3] = near, shift
    if np.abs(corners @ (exact - whole).T).max() > NEAR:
        return None
    places = (corners @ whole.T)[:, :3].min(axis=0).astype(int)
    axes = [int(np.abs(near[row]).argmax()) for row in range(3)]  # target axis (i, j, k) -> source axis
    backwards = [int(near[row].sum()) < 0 for row in range(3)]
    order = (2 - axes[2], 2 - axes[1], 2 - axes[0])
    start = (int(places[2]), int(places[1]), int(places[0]))
    return VoxelMove(order, tuple(2 - row for row in (2, 1, 0) if backwards[row]), start)
