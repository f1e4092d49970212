"""One slice of a volume, built from matrices alone: which voxels it has and how its pixels lie in space.

Pixels are those of the display frame (see the package), whatever a view does: turning or zooming it never changes a
score. World coordinates are RAS in mm.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import GeometryError
from .anatomy import PLANE_NAMES, anatomical_axes

OBLIQUE = -1
"""`SlicePlane.axis` of a plane that follows no voxel axis."""

Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class SlicePlane:
    """A slice as an image of `shape` (H, W).

    axis: the voxel axis (0 = I, 1 = J, 2 = K) the slice is perpendicular to, or OBLIQUE; index: along that axis (for
    oblique planes: in slab thicknesses from the world's origin). row_axis/col_axis: voxel axes that pixel rows and
    columns follow; flip_rows/flip_cols: whether they run against increasing voxel indices. matrix: 4x4, continuous
    pixel coordinates (x, y, z, 1) to RAS; the slab is -0.5 <= z < 0.5.
    """

    axis: int
    index: int
    shape: tuple[int, int]
    name: str
    matrix: Matrix
    row_axis: int = OBLIQUE
    col_axis: int = OBLIQUE
    flip_rows: bool = False
    flip_cols: bool = False

    @property
    def oblique(self) -> bool:
        return self.axis == OBLIQUE

    @property
    def as_stored(self) -> bool:
        """Whether the file's own order of voxels is that of the pixels: nothing is mirrored or transposed."""
        return self.row_axis > self.col_axis and not (self.flip_rows or self.flip_cols)

    @property
    def key(self) -> tuple[int, int, str]:
        """Tells slices of one volume apart: axis, index, and for oblique planes their orientation and position."""
        if not self.oblique:
            return self.axis, self.index, ""
        numbers = ",".join(f"{v:.6g}" for row in self.matrix[:3] for v in row)
        return self.axis, self.index, f"{self.shape[0]}x{self.shape[1]}:{numbers}"

    @cached_property
    def pixel_to_ras(self) -> np.ndarray:
        return np.array(self.matrix, float)

    @cached_property
    def ras_to_pixel(self) -> np.ndarray:
        return np.linalg.inv(self.pixel_to_ras)

    @property
    def spacing(self) -> tuple[float, float]:
        """(row mm, column mm): distance between neighbouring rows, and between neighbouring columns."""
        m = self.pixel_to_ras
        return float(np.linalg.norm(m[:3, 1])), float(np.linalg.norm(m[:3, 0]))

    @cached_property
    def pixel_area(self) -> float:
        """mm2 of one pixel (the parallelogram, for sheared volumes)."""
        m = self.pixel_to_ras
        return float(np.linalg.norm(np.cross(m[:3, 0], m[:3, 1])))

    @property
    def thickness(self) -> float:
        """mm from one slice to the next, along the normal."""
        return abs(float(self.normal @ self.pixel_to_ras[:3, 2]))

    @cached_property
    def normal(self) -> np.ndarray:
        """Unit normal in RAS, on the side of the world axis that names the plane."""
        m = self.pixel_to_ras
        n = np.cross(m[:3, 0], m[:3, 1])
        n = n / np.linalg.norm(n)
        return n * (np.sign(n[PLANE_NAMES.index(self.name)]) or 1.0)

    @property
    def position_mm(self) -> float:
        """Distance of the slice from the world's origin along its normal: what a slice view's slider shows."""
        height, width = self.shape
        center = self.pixel_to_ras @ [width / 2, height / 2, 0, 1]
        return float(self.normal @ center[:3])

    def to_pixels(self, ras: np.ndarray) -> np.ndarray:
        """Points [N, 3] in RAS to (x, y, z) [N, 3]; z is the distance from the slice in slab thicknesses."""
        points = np.atleast_2d(np.asarray(ras, float))
        return points @ self.ras_to_pixel[:3, :3].T + self.ras_to_pixel[:3, 3]

    def to_ras(self, xy: np.ndarray) -> np.ndarray:
        """Pixel coordinates [N, 2] to RAS [N, 3] on the slice's middle."""
        points = np.atleast_2d(np.asarray(xy, float))
        m = self.pixel_to_ras
        return points @ m[:3, :2].T + m[:3, 3]

    def take(self, kji: np.ndarray) -> np.ndarray:
        """The slice of an array [K, J, I(, C)] as a writable view [H, W(, C)]. Only for aligned planes."""
        if self.oblique:
            raise GeometryError("An oblique plane has no voxels of its own; resample it.")
        view = kji[_at(self.axis, self.index)]
        if self.row_axis < self.col_axis:  # the array's axes run K, J, I: rows come first only when row_axis is higher
            view = view.swapaxes(0, 1)
        return view[:: -1 if self.flip_rows else 1, :: -1 if self.flip_cols else 1]


def _at(axis: int, index: int) -> tuple:
    return tuple(index if array_axis == 2 - axis else slice(None) for array_axis in range(3))


def slice_plane(ijk_to_ras: np.ndarray, dims: tuple[int, int, int], axis: int, index: int) -> SlicePlane:
    """The slice `index` across voxel axis `axis` of a volume of `dims` (I, J, K) voxels and world matrix 4x4.

    Raises GeometryError for an index outside the volume or an unusable matrix.
    """
    m = np.asarray(ijk_to_ras, float)
    world = anatomical_axes(m)
    if not 0 <= index < dims[axis]:
        raise GeometryError(f"Slice {index} lies outside the volume: axis {'IJK'[axis]} has {dims[axis]} slices.")
    kind = world[axis]
    others = [a for a in range(3) if a != axis]
    horizontal = 1 if kind == 0 else 0  # sagittal: A/P runs across; else R/L
    col_axis = next(a for a in others if world[a] == horizontal)
    row_axis = next(a for a in others if a != col_axis)
    # x grows to the left of the patient (sagittal: to posterior), y to posterior or inferior: all against R, A, S
    flip_cols = bool(m[horizontal, col_axis] > 0)
    flip_rows = bool(m[world[row_axis], row_axis] > 0)

    pixel_to_ijk = np.zeros((4, 4))
    pixel_to_ijk[3, 3] = 1
    for column, (voxel_axis, flip) in enumerate(((col_axis, flip_cols), (row_axis, flip_rows))):
        pixel_to_ijk[voxel_axis, column] = -1 if flip else 1
        pixel_to_ijk[voxel_axis, 3] = dims[voxel_axis] - 0.5 if flip else -0.5
    pixel_to_ijk[axis, 2] = 1
    pixel_to_ijk[axis, 3] = index
    return SlicePlane(
        axis=axis,
        index=int(index),
        shape=(int(dims[row_axis]), int(dims[col_axis])),
        name=PLANE_NAMES[kind],
        matrix=frozen(m @ pixel_to_ijk),
        row_axis=row_axis,
        col_axis=col_axis,
        flip_rows=flip_rows,
        flip_cols=flip_cols,
    )


def frozen(matrix: np.ndarray) -> Matrix:
    """4x4 as nested tuples: what a plane holds, so that planes compare and hash by value."""
    return tuple(tuple(float(v) for v in row) for row in matrix)
