"""An image in memory with its geometry, and slices of it along anatomical axes. numpy only."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from ..errors import GeometryError

if TYPE_CHECKING:
    from .placement import Placement

AXES = ("sagittal", "coronal", "axial")
"""Slice planes by the world axis (x, y, z) that they are stacked along."""

_TOLERANCE = 1e-3
"""Geometries closer than this (in voxels, and in direction cosines) are the same one: files round their headers."""


@dataclass(frozen=True)
class ImageSource:
    """What a file tells about an image besides voxels and grid.

    modality: DICOM's word ('CT', 'MR', ...), '' when unknown; hounsfield: the voxels of a CT are in HU; padding: the
    (low, high) values that mark voxels outside of what was scanned; frame: the number in a film (from 0);
    remarks: sentences that a person should read.
    """

    modality: str = ""
    hounsfield: bool = False
    padding: tuple[float, float] | None = None
    frame: int | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Volume:
    """array [K, J, I] or [K, J, I, C] (C = 3 or 4: colour) as stored, in LPS world coordinates as in ITK and DICOM.

    spacing (i, j, k) in mm; origin: centre of voxel (0, 0, 0); direction [3, 3]: columns are the unit vectors of i, j
    and k. `planar`: one picture, K = 1. `has_geometry` is False for pictures that know no millimetres (PNG, JPEG).
    `other`: a second placement that the file gives as well (NIfTI's qform), when it differs.
    """

    array: np.ndarray = field(repr=False)
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    direction: np.ndarray = field(default_factory=lambda: np.eye(3), repr=False)
    planar: bool = False
    has_geometry: bool = True
    name: str = ""
    source: ImageSource = field(default_factory=ImageSource, repr=False)
    other: Placement | None = field(default=None, repr=False)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(K, J, I), without the colours."""
        k, j, i = self.array.shape[:3]
        return k, j, i

    @property
    def color(self) -> bool:
        return self.array.ndim == 4

    @property
    def ijk_to_lps(self) -> np.ndarray:
        """[4, 4] matrix from voxel indices (i, j, k) to LPS millimetres."""
        matrix = np.eye(4)
        matrix[:3, :3] = np.asarray(self.direction) * np.asarray(self.spacing)
        matrix[:3, 3] = self.origin
        return matrix

    def plane(self, axis: str | None = None) -> SlicePlane:
        """The stack of slices along an anatomical axis.

        None means the only sensible one for a volume of one slice, and axial for all others.
        Raises GeometryError for an unknown name.
        """
        if self.planar:
            return SlicePlane(self, 2, "picture")
        if axis is None:
            ijk = self.shape[::-1]
            thin = [a for a in range(3) if ijk[a] == 1]
            return SlicePlane(self, thin[0], self._name_of(thin[0])) if len(thin) == 1 else self.plane("axial")
        if axis not in AXES:
            raise GeometryError(f"Unknown slice axis '{axis}'; choose axial, sagittal or coronal.")
        return SlicePlane(self, self._ijk_axis(AXES.index(axis)), axis)

    def _assignment(self) -> tuple[int, ...]:
        """The IJK axis nearest to each world axis; every axis is used once, whatever the obliqueness."""
        cosines = np.abs(np.asarray(self.direction))
        return max(permutations(range(3)), key=lambda p: sum(cosines[w, p[w]] for w in range(3)))

    @property
    def world_axes(self) -> tuple[int, int, int]:
        """The world axis (0 = x, 1 = y, 2 = z) nearest to each of i, j and k."""
        nearest = self._assignment()
        return nearest.index(0), nearest.index(1), nearest.index(2)

    def _ijk_axis(self, world: int) -> int:
        return self._assignment()[world]

    def _name_of(self, ijk: int) -> str:
        return AXES[self._assignment().index(ijk)]


@dataclass(frozen=True)
class SlicePlane:
    """Slices of a volume along one IJK axis (0 = i, 1 = j, 2 = k).

    A slice's x and y are the other two voxel indices in the order i, j, k: (i, j) for k slices, (i, k) for j slices,
    (j, k) for i slices; nothing is flipped or resampled.
    """

    volume: Volume
    ijk_axis: int
    name: str

    @property
    def count(self) -> int:
        return self.volume.shape[2 - self.ijk_axis]

    @property
    def spacing(self) -> tuple[float, float]:
        """(row mm, column mm) in the slice."""
        column, row = (s for a, s in enumerate(self.volume.spacing) if a != self.ijk_axis)
        return row, column

    @property
    def thickness(self) -> float:
        """Distance of neighbouring slices in mm."""
        return self.volume.spacing[self.ijk_axis]

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of a slice."""
        height, width = (n for a, n in enumerate(self.volume.shape) if a != 2 - self.ijk_axis)
        return height, width

    def take(self, array: np.ndarray, index: int) -> np.ndarray:
        """View [H, W] or [H, W, C] of slice `index` of an array with the volume's K, J, I. Raises GeometryError."""
        if not 0 <= index < self.count:
            raise GeometryError(f"There is no {self.name} slice {index}; slices go from 0 to {self.count - 1}.")
        slices: list[slice | int] = [slice(None)] * 3
        slices[2 - self.ijk_axis] = index
        return array[tuple(slices)]

    def pixels(self, index: int) -> np.ndarray:
        return self.take(self.volume.array, index)

    def position(self, index: int) -> float:
        """Millimetres of the slice's centre along its axis, in RAS as Slicer shows it (R, A or S is positive)."""
        ijk = [(n - 1) / 2 for n in reversed(self.volume.shape)]
        ijk[self.ijk_axis] = index
        lps = self.volume.ijk_to_lps @ np.array([*ijk, 1.0])
        world = AXES.index(self.name) if self.name in AXES else 2
        return float(lps[world] if world == 2 else -lps[world])


def same_geometry(a: Volume, b: Volume) -> bool:
    """Same grid within a thousandth of a voxel; pictures have no place in space and agree when their sizes do."""
    if a.shape != b.shape:
        return False
    if not (a.has_geometry and b.has_geometry) or a.planar or b.planar:
        return True
    corner = np.array([*reversed(a.shape), 1.0])
    step = min(*a.spacing, *b.spacing)
    ends = np.stack([(v.ijk_to_lps @ corner)[:3] for v in (a, b)])
    starts = np.array([a.origin, b.origin])
    near = lambda points: np.abs(points[0] - points[1]).max() <= _TOLERANCE * step * 10
    return bool(near(ends) and near(starts) and np.allclose(a.direction, b.direction, atol=_TOLERANCE))


def voxel_offset(inner: Volume, outer: Volume) -> tuple[int, int, int] | None:
    """(i, j, k) of inner's first voxel on outer's grid, when both lie on one grid; None when they do not.

    This is how a segmentation cropped to its segments relates to the image that it was drawn on.
    """
    if not np.allclose(inner.direction, outer.direction, atol=_TOLERANCE):
        return None
    if not np.allclose(inner.spacing, outer.spacing, rtol=_TOLERANCE):
        return None
    start = np.linalg.inv(outer.ijk_to_lps) @ np.array([*inner.origin, 1.0])
    whole = np.round(start[:3])
    # spacing that differs in the last digits adds up over the volume: the far end must fit as well
    drift = np.abs(np.array(inner.spacing) / np.array(outer.spacing) - 1) * np.array(inner.shape[::-1])
    if np.abs(start[:3] - whole).max() > 0.01 or drift.max() > 0.05:
        return None
    i, j, k = (int(v) for v in whole)
    return i, j, k
