"""The slices of a volume along one of its voxel axes: what a command line, a report or a training set goes through."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import GeometryError
from .anatomy import PLANE_NAMES, anatomical_axes
from .slice_plane import SlicePlane, slice_plane
from .volume import Volume

IMAGE_2D, FRAME = "image", "frame"
"""Names of the one slice of a two-dimensional image, and of a film's frame."""


@dataclass(frozen=True, eq=False)
class PlaneStack:
    """Slices across voxel axis `axis` (0 = I, 1 = J, 2 = K) of a volume, each a `SlicePlane` by its index in the file.

    All have one `shape` (H, W) and one `spacing` (row mm, column mm).
    """

    volume: Volume
    axis: int
    name: str

    @property
    def count(self) -> int:
        return self.volume.dims[self.axis]

    @cached_property
    def _planes(self) -> dict[int, SlicePlane]:
        return {}

    def plane(self, index: int) -> SlicePlane:
        """Raises GeometryError for a slice that is not there."""
        if not 0 <= index < self.count:
            raise GeometryError(f"There is no {self.name} slice {index}; slices go from 0 to {self.count - 1}.")
        if index not in self._planes:
            self._planes[index] = slice_plane(self.volume.ijk_to_ras, self.volume.dims, self.axis, index)
        return self._planes[index]

    def shown_index(self, index: int) -> int:
        """What a person calls slice `index`: a film's frame keeps its number in the film."""
        return index if self.volume.source.frame is None else self.volume.source.frame

    @property
    def shape(self) -> tuple[int, int]:
        return self.plane(0).shape

    @property
    def spacing(self) -> tuple[float, float]:
        return self.plane(0).spacing

    def take(self, array: np.ndarray, index: int) -> np.ndarray:
        """Writable view [H, W] or [H, W, C] of slice `index` of an array with the volume's K, J, I.

        Raises GeometryError.
        """
        return self.plane(index).take(array)

    def pixels(self, index: int) -> np.ndarray:
        """The volume's own pixels [H, W(, C)] of a slice, contiguous. Raises GeometryError."""
        return np.ascontiguousarray(self.take(self.volume.array, index))


def stack_of(volume: Volume, name: str | None = None) -> PlaneStack:
    """The slices 'axial', 'coronal' or 'sagittal': across the voxel axis nearest to that anatomical one.

    None means the only sensible ones for a volume of one slice, and axial for all others; a two-dimensional image has
    one slice, whatever the name. Raises GeometryError for an unknown name or an unusable geometry.
    """
    if volume.planar:
        return PlaneStack(volume, 2, IMAGE_2D if volume.source.frame is None else FRAME)
    if name is not None and name not in PLANE_NAMES:
        raise GeometryError(f"Unknown slice axis '{name}'; choose axial, coronal or sagittal.")
    nearest = anatomical_axes(volume.ijk_to_ras)
    if name is None:
        thin = [axis for axis in range(3) if volume.dims[axis] == 1]
        name = PLANE_NAMES[nearest[thin[0]]] if len(thin) == 1 else "axial"
    return PlaneStack(volume, nearest.index(PLANE_NAMES.index(name)), name)


def evenly(indices: np.ndarray, most: int) -> np.ndarray:
    """So many of ascending indices [N] at most, spread evenly: the first and, of two or more, the last among them."""
    picks: np.ndarray = indices[np.linspace(0, len(indices) - 1, min(most, len(indices))).round().astype(int)]
    return picks
