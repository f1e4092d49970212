"""An image in memory with its geometry, as a file tells it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .anatomy import LPS_TO_RAS

if TYPE_CHECKING:
    from .placement import Placement

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
    and k. `planar`: one 2D image, K = 1. `has_geometry` is False for images that know no millimetres (PNG, JPEG).
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
    def dims(self) -> tuple[int, int, int]:
        """(I, J, K): voxels along each voxel axis."""
        k, j, i = self.shape
        return i, j, k

    @property
    def ijk_to_lps(self) -> np.ndarray:
        """[4, 4] matrix from voxel indices (i, j, k) to LPS millimetres."""
        matrix = np.eye(4)
        matrix[:3, :3] = np.asarray(self.direction) * np.asarray(self.spacing)
        matrix[:3, 3] = self.origin
        return matrix

    @property
    def ijk_to_ras(self) -> np.ndarray:
        """[4, 4] matrix from voxel indices (i, j, k) to RAS millimetres, as scenes have it."""
        return LPS_TO_RAS @ self.ijk_to_lps


def same_geometry(a: Volume, b: Volume) -> bool:
    """Same grid within a thousandth of a voxel; 2D images have no place in space and agree when their sizes do."""
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
