"""Nearest-neighbour traffic between a slice and a label array of any geometry: arrays and matrices only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .plane_stack import PlaneStack
from .slice_plane import SlicePlane

_EPS = 1e-4
"""Pixels: rounding noise of matrix inverses must not push an exact voxel centre over a pixel's edge."""

_NOTHING = 1e-6
"""Pixels or voxels: what a slope adds up to over a whole slice when it is rounding noise."""


@dataclass(frozen=True)
class LabelArray:
    """One segment as stored: voxels [K, J, I] that equal `label`; array_to_ras maps array indices (i, j, k) to RAS."""

    array: np.ndarray
    label: int
    array_to_ras: np.ndarray

    def mask(self) -> np.ndarray:
        return self.array == self.label

    def slice(self, plane: SlicePlane) -> np.ndarray:
        """The segment on a slice, bool [H, W]: exact where the voxels coincide, else nearest neighbour."""
        return labels_on(self.array, self.array_to_ras, plane) == self.label

    def copy(self) -> LabelArray:
        """Detached from what holds the voxels: bool, one byte each."""
        return LabelArray(self.array == self.label, 1, self.array_to_ras.copy())


def labels_on(array: np.ndarray, array_to_ras: np.ndarray, plane: SlicePlane) -> np.ndarray:
    """What labels [K, J, I] with a place of their own say on a slice, [H, W]; 0 where they have no voxel.

    Exact where the voxels coincide, else of every line of voxels across the slice the one whose centre is nearest to
    the pixel's: those that `stamp` writes.
    """
    if array.size == 0:
        return np.zeros(plane.shape, array.dtype)
    to_index = np.linalg.inv(array_to_ras) @ plane.pixel_to_ras
    exact = _lattice_slice(array, to_index, plane.shape)
    if exact is not None:
        return exact
    index = _nearest_voxels(to_index, plane.shape, array.shape[::-1])
    inside = np.ones((1, 1), bool)
    for axis in range(3):
        inside = inside & (index[axis] >= 0) & (index[axis] < array.shape[2 - axis])
    i, j, k = (np.clip(index[axis], 0, array.shape[2 - axis] - 1) for axis in range(3))
    found = np.where(inside, array[k, j, i], array.dtype.type(0))
    return np.ascontiguousarray(np.broadcast_to(found, plane.shape))


def _nearest_voxels(
    to_index: np.ndarray, shape: tuple[int, int], dims: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each pixel of a slice [H, W] the voxel (i, j, k) that it shows, on any grid: of every line of voxels across
    the slice the one whose centre is nearest. Three arrays that broadcast to [H, W]; indices may lie outside `dims`."""
    to_pixel = np.linalg.inv(to_index)
    across = int(np.argmax(np.abs(to_pixel[2, :3])))
    rows = (np.arange(shape[0]) + 0.5)[:, None]
    cols = (np.arange(shape[1]) + 0.5)[None, :]
    index: dict[int, np.ndarray] = {}
    depth = np.full((1, 1), to_pixel[2, 3])
    for axis in (a for a in range(3) if a != across):
        # grids that only differ in spacing need one row and one column of indices instead of a whole image of them
        value = np.full((1, 1), to_index[axis, 3])
        for slope, places in ((to_index[axis, 0], cols), (to_index[axis, 1], rows)):
            value = value + slope * places if abs(slope) * places.size > _NOTHING else value
        index[axis] = np.floor(value + 0.5 + _EPS).astype(np.int64)
        if abs(to_pixel[2, axis]) * dims[axis] > _NOTHING:
            depth = depth + to_pixel[2, axis] * index[axis]
    # half-open in z as the slab of `stamp` is, whichever way the line runs: a tie is read where it was written
    step = to_pixel[2, across]
    index[across] = np.int64(np.sign(step)) * np.ceil(-depth / abs(step) - 0.5 - _EPS).astype(np.int64)
    return index[0], index[1], index[2]


def resampled_labels(array: np.ndarray, array_to_ras: np.ndarray, planes: PlaneStack) -> np.ndarray:
    """Labels [K, J, I] with a place of their own on the voxels of a volume [K, J, I], slice by slice as `labels_on`
    has them: what a person sees on a slice of a scene is what a command scores."""
    out = np.zeros(planes.volume.shape, array.dtype)
    for index in range(planes.count):
        planes.take(out, index)[...] = labels_on(array, array_to_ras, planes.plane(index))
    return out


def _lattice_slice(array: np.ndarray, to_index: np.ndarray, shape: tuple[int, int]) -> np.ndarray | None:
    """The slice by plain indexing, when pixel steps are whole voxel steps along two voxel axes; else None.

    Pixels outside the array are 0.
    """
    steps = to_index[:3, :2]
    whole = np.rint(steps)
    if np.abs(steps - whole).max() > 1e-5 or sorted(np.abs(whole).sum(axis=0)) != [1, 1]:
        return None
    place = to_index[:3, :2] @ [0.5, 0.5] + to_index[:3, 3]  # of the centre of pixel (0, 0)
    start = np.floor(place + 0.5 + _EPS).astype(int)
    col_axis, row_axis = int(np.argmax(np.abs(whole[:, 0]))), int(np.argmax(np.abs(whole[:, 1])))
    if col_axis == row_axis:
        return None
    normal = 3 - col_axis - row_axis
    if abs(place[normal] % 1 - 0.5) < 2 * _EPS:
        return None  # midway between two layers: which one it is depends on the side, as `stamp` has it
    out = np.zeros(shape, array.dtype)
    if not 0 <= start[normal] < array.shape[2 - normal]:
        return out
    at: list = [slice(None)] * 3
    at[2 - normal] = start[normal]
    plane = array[tuple(at)]
    if row_axis < col_axis:
        plane = plane.swapaxes(0, 1)
    targets, sources = [], []
    for length, axis, step in ((shape[0], row_axis, whole[row_axis, 1]), (shape[1], col_axis, whole[col_axis, 0])):
        index = start[axis] + int(step) * np.arange(length)
        inside = np.flatnonzero((index >= 0) & (index < array.shape[2 - axis]))
        if inside.size == 0:
            return out
        targets.append(slice(int(inside[0]), int(inside[-1]) + 1))
        low, high = sorted((int(index[inside[0]]), int(index[inside[-1]])))
        sources.append((low, high, step))
    source = plane[sources[0][0] : sources[0][1] + 1, sources[1][0] : sources[1][1] + 1]
    source = source[:: int(sources[0][2]), :: int(sources[1][2])]
    out[targets[0], targets[1]] = source
    return out


@dataclass(frozen=True)
class Stamp:
    """What a slice's mask means on a label grid: within `extent` (i0, i1, j0, j1, k0, k1, inclusive), the voxels of
    `slab` [K, J, I] belong to the slice, and those of `value` are inside the object."""

    extent: tuple[int, int, int, int, int, int]
    slab: np.ndarray
    value: np.ndarray


def stamp(plane: SlicePlane, mask: np.ndarray, grid_to_ras: np.ndarray) -> Stamp | None:
    """Voxels of the grid (indices unlimited, also negative) that a slice owns, and the mask [H, W] on them.

    A voxel belongs to the slice when its centre lies in the slab and on the slice's image, or beside the image where a
    pixel of the rim shows it (`labels_on`): it then takes the nearest pixel's value, else an old mask would be read
    back there. Where the grid's own steps are thicker than the slab, the nearest layer of voxels belongs to the slice.
    None when there is no such voxel.
    """
    height, width = plane.shape
    to_index = np.linalg.inv(grid_to_ras) @ plane.pixel_to_ras
    exact = _lattice_stamp(mask, to_index)
    if exact is not None:
        return exact
    to_pixel = plane.ras_to_pixel @ grid_to_ras
    half = max(1.0, float(np.abs(to_pixel[2, :3]).max())) / 2
    corners = np.array([[x, y, z, 1] for x in (0, width) for y in (0, height) for z in (-half, half)], float)
    box = corners @ to_index.T
    low = np.ceil(box[:, :3].min(axis=0) - 1e-3).astype(int)
    high = np.floor(box[:, :3].max(axis=0) + 1e-3).astype(int)
    shown = _nearest_voxels(to_index, plane.shape, tuple(np.maximum(np.abs(low), np.abs(high)) + 1))
    low = np.minimum(low, [a.min() for a in shown])
    high = np.maximum(high, [a.max() for a in shown])
    ranges = [np.arange(low[a], high[a] + 1, dtype=float) for a in range(3)]
    x, y, z = (
        to_pixel[row, 0] * ranges[0][None, None, :]
        + to_pixel[row, 1] * ranges[1][None, :, None]
        + (to_pixel[row, 2] * ranges[2] + to_pixel[row, 3])[:, None, None]
        for row in range(3)
    )
    slab = (z >= -half - _EPS) & (z < half - _EPS)
    cols, rows = np.floor(x + _EPS).astype(np.int64), np.floor(y + _EPS).astype(np.int64)
    read = np.zeros(slab.shape, bool)
    i, j, k = (index - first for index, first in zip(shown, low, strict=True))
    read[k, j, i] = True
    slab &= read | ((cols >= 0) & (cols < width) & (rows >= 0) & (rows < height))
    if not slab.any():
        return None
    cols, rows = cols.clip(0, width - 1), rows.clip(0, height - 1)
    value = np.zeros(slab.shape, bool)
    value[slab] = mask[rows[slab], cols[slab]]
    # trim to the voxels that count, so that one slice stays one slice
    bounds = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != 2 - axis)
        used = np.flatnonzero(slab.any(axis=others))
        bounds.append((int(used[0]), int(used[-1])))
    (i0, i1), (j0, j1), (k0, k1) = bounds
    part = np.s_[k0 : k1 + 1, j0 : j1 + 1, i0 : i1 + 1]
    extent = (low[0] + i0, low[0] + i1, low[1] + j0, low[1] + j1, low[2] + k0, low[2] + k1)
    return Stamp(tuple(int(e) for e in extent), slab[part], value[part])  # type: ignore[arg-type]


def _lattice_stamp(mask: np.ndarray, to_index: np.ndarray) -> Stamp | None:
    """The stamp when slice and grid share their voxels: one layer, nothing to search."""
    whole = np.rint(to_index[:3, :3])
    start = to_index[:3, :2] @ [0.5, 0.5] + to_index[:3, 3]  # index of the centre of pixel (0, 0)
    if np.abs(to_index[:3, :3] - whole).max() > 1e-5 or np.abs(start - np.rint(start)).max() > 1e-3:
        return None
    if (np.abs(whole).sum(axis=0) != 1).any() or (np.abs(whole).sum(axis=1) != 1).any():
        return None
    col_axis, row_axis = int(np.argmax(np.abs(whole[:, 0]))), int(np.argmax(np.abs(whole[:, 1])))
    value = mask[:: int(whole[row_axis, 1]), :: int(whole[col_axis, 0])]
    if row_axis < col_axis:
        value = value.swapaxes(0, 1)
    normal = 3 - col_axis - row_axis
    value = np.expand_dims(value, 2 - normal)
    bounds = []
    for axis in range(3):
        first = int(np.rint(start[axis]))
        length = {row_axis: mask.shape[0], col_axis: mask.shape[1]}.get(axis, 1)
        step = int(whole[axis, 1] if axis == row_axis else whole[axis, 0]) if axis != normal else 1
        bounds += sorted((first, first + step * (length - 1)))
    return Stamp(tuple(bounds), np.ones(value.shape, bool), value)  # type: ignore[arg-type]
