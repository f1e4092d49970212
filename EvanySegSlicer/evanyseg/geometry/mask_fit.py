"""How much of a mask an image shows, when the two have grids of their own. numpy only."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from ..results import Caveat
from .regrid import move_of_map

ALLOWED_LOSS = 0.01
"""A larger part of a mask lost is a mask of another image, or a cut one: not scored unless that is asked for."""

_EPS = 1e-3
"""Voxels: files round their headers."""

_CHUNK = 1_000_000


@dataclass(frozen=True)
class MaskFit:
    """same_grid: the voxels of mask and image coincide. outside: share [0, 1] of the mask's voxels that lie outside the
    image; lost: of those that the image does not show, because they lie outside it or between its voxels (both 0 for an
    empty mask). voxels: how many the mask has."""

    same_grid: bool
    outside: float
    lost: float
    voxels: int

    @property
    def acceptable(self) -> bool:
        return self.lost <= ALLOWED_LOSS

    def lies(self, where: str) -> str:
        """'93 % of WHERE lies outside': before the image's name; why it is not acceptable, in words."""
        if self.outside > ALLOWED_LOSS or self.outside == self.lost:
            return f"{percent(self.outside)} of {where} lies outside"
        return f"{percent(self.lost)} of {where} lies outside or between the voxels of"

    @property
    def caveats(self) -> tuple[str, ...]:
        """What every score of this mask has to carry."""
        said = () if self.same_grid else (Caveat.RESAMPLED,)
        if self.lost == 0:
            return said
        where = "outside the image" if self.outside == self.lost else "outside the image or between its voxels"
        return (*said, f"{percent(self.lost)} of the mask {where}")


def percent(share: float) -> str:
    """'93 %', '0.4 %': never rounded to 0 or to 100."""
    if 0 < share < 0.001:
        return "under 0.1 %"
    if 0.99 < share < 1:
        return f"{min(100 * share, 99.9):.1f} %"
    return f"{100 * share:.0f} %" if share >= 0.095 else f"{100 * share:.2g} %"


def mask_fit(mask: np.ndarray, mask_to_image: np.ndarray, dims: tuple[int, int, int]) -> MaskFit:
    """mask bool [K, J, I]; mask_to_image: its voxel indices (i, j, k, 1) to the image's, [4, 4]; dims: the image's
    (I, J, K).

    A voxel is shown when the image voxel that holds its centre, or one beside that, takes the mask up by nearest
    neighbour: the rounding of an edge loses nothing, a structure that falls between the slices is lost.
    """
    to_image = np.asarray(mask_to_image, float)
    same_grid = move_of_map(to_image, mask.shape) is not None
    total = int(np.count_nonzero(mask))
    if total == 0 or (same_grid and _all_inside(mask.shape[::-1], to_image, dims)):
        return MaskFit(same_grid, 0.0, 0.0, total)
    outside = between = 0
    # slab by slab: the indices of a whole volume would take gigabytes
    step = max(1, _CHUNK // max(1, mask[0].size))
    for first in range(0, mask.shape[0], step):
        k, j, i = np.nonzero(mask[first : first + step])
        centers = to_image[:3, :3] @ np.stack([i, j, k + first]).astype(float) + to_image[:3, 3:]
        inside = _inside(centers, dims)
        outside += int(np.count_nonzero(~inside))
        between += _between(mask, centers[:, inside], to_image, dims) if not same_grid else 0
    return MaskFit(same_grid, outside / total, (outside + between) / total, total)


def _inside(points: np.ndarray, dims: tuple[int, int, int]) -> np.ndarray:
    ends = np.array(dims)[:, None] - 0.5
    return np.all((points >= -0.5 - _EPS) & (points <= ends + _EPS), axis=0)  # type: ignore[return-value]


def _all_inside(mask_dims: tuple[int, ...], to_image: np.ndarray, dims: tuple[int, int, int]) -> bool:
    corners = np.array(list(product(*[(0, n - 1) for n in mask_dims])), float).T
    return bool(_inside(to_image[:3, :3] @ corners + to_image[:3, 3:], dims).all())


def _between(mask: np.ndarray, centers: np.ndarray, to_image: np.ndarray, dims: tuple[int, int, int]) -> int:
    """How many of the mask's voxels, with `centres` [3, N] inside the image, none of its voxels takes up."""
    back = np.linalg.inv(to_image)
    limit = np.array(dims)[:, None] - 1
    size = np.array(mask.shape[::-1])[:, None]
    waiting = np.clip(np.rint(centers), 0, limit)
    for shift in sorted(product((0, -1, 1), repeat=3), key=lambda s: sum(map(abs, s))):
        if not waiting.size:
            break
        near = np.clip(waiting + np.array(shift)[:, None], 0, limit)
        index = np.rint(back[:3, :3] @ near + back[:3, 3:]).astype(np.int64)
        held = ((index >= 0) & (index < size)).all(axis=0)
        i, j, k = index[:, held]
        shown = np.zeros(held.shape, bool)
        shown[held] = mask[k, j, i]
        waiting = waiting[:, ~shown]
    return int(waiting.shape[1])
