"""Where a grid of voxels lies in space, made from a file's matrix, and how far two such placements are apart."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from ..errors import GeometryError, ImageError
from .volume import Volume

ROUNDED = 1e-3
"""Axes this near to right angles (as the cosine between two of them) differ by what files round away."""

SHEARED = 1e-2
"""From here on slices are shifted in their plane by more than rounding can explain."""


@dataclass(frozen=True)
class PlacementDifference:
    """degrees: the turn between two placements (NaN when one is the other's mirror image); millimetres: the largest
    distance between the two places of a corner; voxels: the same in voxels."""

    degrees: float
    millimeters: float
    voxels: float

    @property
    def negligible(self) -> bool:
        return self.voxels < 0.1

    def describe(self) -> str:
        """Such as '20 degrees and 34.2 mm apart'."""
        if np.isnan(self.degrees):
            return f"one mirrors the other, {self.millimeters:.3g} mm apart"
        turn = f"{self.degrees:.3g} degrees and " if self.degrees >= 0.05 else ""
        return f"{turn}{self.millimeters:.3g} mm apart"


@dataclass(frozen=True)
class Placement:
    """As in `Volume`: spacing (i, j, k) in mm, origin of voxel (0, 0, 0) and direction [3, 3], LPS."""

    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]
    direction: np.ndarray

    @property
    def ijk_to_lps(self) -> np.ndarray:
        matrix = np.eye(4)
        matrix[:3, :3] = self.direction * np.asarray(self.spacing)
        matrix[:3, 3] = self.origin
        return matrix

    def volume(self, array: np.ndarray, **fields: Any) -> Volume:
        """A volume of these voxels [K, J, I, ...] here."""
        return Volume(array, self.spacing, self.origin, self.direction, **fields)

    def difference(self, other: Placement, shape: tuple[int, int, int]) -> PlacementDifference:
        """How differently the two place a grid of `shape` (K, J, I)."""
        turn = self.direction.T @ other.direction
        cosine = (np.trace(turn) - 1) / 2
        degrees = float(np.degrees(np.arccos(np.clip(cosine, -1, 1)))) if np.linalg.det(turn) > 0 else float("nan")
        corners = np.array([[*c, 1.0] for c in product(*((0, n - 1) for n in reversed(shape)))])
        distance = np.linalg.norm((corners @ (self.ijk_to_lps - other.ijk_to_lps).T)[:, :3], axis=1).max()
        return PlacementDifference(degrees, float(distance), float(distance) / min(*self.spacing, *other.spacing))


LARGEST_MM = 1e7
"""No voxel is as large or as far away, whatever its unit."""


def placement_of(matrix: np.ndarray, name: str) -> Placement:
    """From voxel indices to LPS mm [4, 4], with the nearest right-angled axes (polar decomposition).

    Raises GeometryError when the axes are sheared, ImageError when they span no space.
    """
    columns = np.asarray(matrix, float)[:3, :3]
    spacing = np.linalg.norm(columns, axis=0)
    if not np.isfinite(matrix).all() or spacing.min() < 1e-9:
        raise ImageError(f"{name} has a damaged header: its voxel axes span no space.")
    if spacing.max() > LARGEST_MM or np.abs(np.asarray(matrix, float)[:3, 3]).max() > LARGEST_MM:
        raise ImageError(f"{name} has a damaged header: its voxels are kilometres large or away.")
    direction = columns / spacing
    skew = float(np.abs(direction.T @ direction - np.eye(3)).max())
    if skew >= SHEARED:
        angle = 90 - np.degrees(np.arccos(min(1.0, skew)))
        raise GeometryError(
            f"The voxel axes of {name} are not at right angles (off by {angle:.3g} degrees): slices are shifted in "
            "their plane, as with a gantry tilt or an affine registration. Resample it to a straight grid first."
        )
    if skew > 1e-9:
        left, _, right = np.linalg.svd(direction)
        direction = left @ right
    x, y, z = (float(v) for v in np.asarray(matrix, float)[:3, 3])
    return Placement((float(spacing[0]), float(spacing[1]), float(spacing[2])), (x, y, z), direction)


def placement_of_volume(volume: Volume) -> Placement:
    return Placement(volume.spacing, volume.origin, np.asarray(volume.direction))
