"""Boxes in pixels of a slice from what a user draws: two corners, a line, an ROI. All given in world RAS (mm)."""

from __future__ import annotations

from typing import Any

import numpy as np

from evanyseg.errors import PromptError
from evanyseg.prompts import BoxPrompt, PointPrompt

from .nodes.matrices import matrix_array
from .slice_plane import SlicePlane, edges_on_plane


def box_of_corners(plane: SlicePlane, first_ras: Any, second_ras: Any) -> BoxPrompt:
    """From two opposite corners in any order (a mouse drag). Raises PromptError."""
    corners = _finite(np.array([first_ras, second_ras], float), "A corner of the box")
    (xa, ya, _), (xb, yb, _) = plane.to_pixels(corners)
    return _box(xa, ya, xb, yb).validated(plane.shape)


def box_of_roi(plane: SlicePlane, roi: Any) -> BoxPrompt:
    """Where a vtkMRMLMarkupsROINode (of any rotation) cuts the slice. Raises PromptError when it does not."""
    import vtk

    size = [0.0, 0.0, 0.0]
    roi.GetSizeWorld(size)
    to_world = vtk.vtkMatrix4x4()
    to_world.DeepCopy(roi.GetObjectToWorldMatrix())
    corners = np.array([[x, y, z, 1] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
    corners[:, :3] *= np.array(size) / 2
    return box_of_corners_3d(plane, (corners @ matrix_array(to_world).T)[:, :3], roi.GetName())


def box_of_corners_3d(plane: SlicePlane, corners: np.ndarray, name: str = "ROI") -> BoxPrompt:
    """The bounding box of a cuboid's cut with the slice; corners [8, 3] in RAS, last coordinate fastest.

    Raises PromptError.
    """
    pixels = plane.to_pixels(_finite(corners, f"'{name}'"))
    cut = edges_on_plane(pixels, np.array([0.0, 0.0, 1.0]), 0.0)
    if len(cut) == 0:
        raise PromptError(f"'{name}' does not reach this slice; move it or scroll to a slice inside it.")
    (x0, y0), (x1, y1) = cut[:, :2].min(axis=0), cut[:, :2].max(axis=0)
    return _box(x0, y0, x1, y1).validated(plane.shape)


def box_of_line(plane: SlicePlane, line: Any) -> BoxPrompt:
    """A vtkMRMLMarkupsLineNode as the box's diagonal. Raises PromptError."""
    if line.GetNumberOfControlPoints() < 2:
        raise PromptError(f"'{line.GetName()}' has no two points yet; place both ends.")
    ends = [line.GetNthControlPointPositionWorld(n) for n in (0, 1)]
    return box_of_corners(plane, *ends)


def points_of_ras(plane: SlicePlane, ras: Any, positive: bool = True) -> list[PointPrompt]:
    """Point prompts from positions [N, 3] in RAS. Raises PromptError."""
    pixels = plane.to_pixels(_finite(np.atleast_2d(np.asarray(ras, float)), "A point"))
    return [PointPrompt(float(x), float(y), positive).validated(plane.shape) for x, y, _ in pixels]


def _box(*corners: float) -> BoxPrompt:
    """Rounded to a ten-thousandth of a pixel: matrix inverses leave noise that would make a 2-pixel box too small."""
    return BoxPrompt.from_corners(*(round(float(v), 4) for v in corners))


def _finite(points: np.ndarray, what: str) -> np.ndarray:
    if not np.isfinite(points).all():
        raise PromptError(f"{what} has a coordinate that is not a number; draw it again.")
    return points
