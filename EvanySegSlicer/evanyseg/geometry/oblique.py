"""The slice that a view shows, in line with the voxels or oblique; matrices only. World coordinates are RAS in mm."""

from __future__ import annotations

import numpy as np

from ..errors import GeometryError
from .anatomy import PLANE_NAMES, anatomical_axes
from .slice_plane import OBLIQUE, SlicePlane, frozen, slice_plane

ALIGNED_TOLERANCE = 1e-3
"""Largest component along the normal voxel axis, per voxel in the plane, that still counts as aligned."""


def plane_of_view(ijk_to_ras: np.ndarray, dims: tuple[int, int, int], view_to_ras: np.ndarray) -> SlicePlane:
    """The slice that a view shows. `view_to_ras`: 4x4, the view's x right, y up, z out of the screen, to RAS
    (`vtkMRMLSliceNode.GetXYToRAS` or `GetSliceToRAS`).

    Aligned with the voxels: the slice at native resolution. Otherwise an oblique plane of square pixels at the
    volume's finest spacing, one voxel thick. Raises GeometryError when the view lies outside the volume.
    """
    m, view = np.asarray(ijk_to_ras, float), np.asarray(view_to_ras, float)
    anatomical_axes(m)
    across = np.linalg.inv(m) @ view
    in_plane = across[:3, :2] / np.linalg.norm(across[:3, :2], axis=0)
    for axis in range(3):
        if np.abs(in_plane[axis]).max() <= ALIGNED_TOLERANCE:
            index = int(np.floor(across[axis, 3] + 0.5 + 1e-6))
            if not 0 <= index < dims[axis]:
                raise GeometryError("The view shows no slice of this volume; scroll to one.")
            return slice_plane(m, dims, axis, index)
    return _oblique_plane(m, dims, view)


def _oblique_plane(m: np.ndarray, dims: tuple[int, int, int], view: np.ndarray) -> SlicePlane:
    right = view[:3, 0] / np.linalg.norm(view[:3, 0])
    down = -view[:3, 1] / np.linalg.norm(view[:3, 1])
    normal = np.cross(right, down)
    name = PLANE_NAMES[int(np.argmax(np.abs(normal)))]
    normal = normal * (np.sign(normal[PLANE_NAMES.index(name)]) or 1.0)
    offset = float(normal @ view[:3, 3])
    points = _cut(m, dims, normal, offset)
    if len(points) < 3:
        raise GeometryError("The view shows no slice of this volume; scroll to one.")
    pixel = float(np.linalg.norm(m[:3, :3], axis=0).min())
    # the step along the voxel axis nearest the normal: a slab this thick holds exactly one voxel of every voxel line
    thickness = float(np.abs(normal @ m[:3, :3]).max())
    x, y = points @ right, points @ down
    width, height = (max(1, int(np.ceil(np.ptp(v) / pixel - 1e-6))) for v in (x, y))
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2] = right * pixel, down * pixel, normal * thickness
    corner_x = (x.min() + x.max() - width * pixel) / 2
    corner_y = (y.min() + y.max() - height * pixel) / 2
    matrix[:3, 3] = right * corner_x + down * corner_y + normal * offset
    return SlicePlane(OBLIQUE, round(offset / thickness), (height, width), name, frozen(matrix))


def oblique_of_key(index: int, geometry: str) -> SlicePlane:
    """The oblique plane that has this `key`. Raises GeometryError when the text is not of one."""
    try:
        size, numbers = geometry.split(":")
        height, width = (int(v) for v in size.split("x"))
        matrix = np.eye(4)
        matrix[:3] = np.array([float(v) for v in numbers.split(",")]).reshape(3, 4)
    except ValueError:
        raise GeometryError(f"'{geometry}' does not describe an oblique slice.") from None
    name = PLANE_NAMES[int(np.argmax(np.abs(np.cross(matrix[:3, 0], matrix[:3, 1]))))]
    return SlicePlane(OBLIQUE, index, (height, width), name, frozen(matrix))


def resampled(array: np.ndarray, ijk_to_ras: np.ndarray, plane: SlicePlane) -> np.ndarray:
    """The pixels [H, W(, C)] of a plane of any orientation from an array [K, J, I(, C)]: linear, float32.

    Outside the volume they have the smallest value found inside.
    """
    from scipy.ndimage import map_coordinates

    rows, cols = np.mgrid[: plane.shape[0], : plane.shape[1]] + 0.5
    to_index = np.linalg.inv(ijk_to_ras) @ plane.pixel_to_ras
    ijk = [to_index[a, 0] * cols + to_index[a, 1] * rows + to_index[a, 3] for a in range(3)]
    channels = array[..., None] if array.ndim == 3 else array
    # half a voxel beyond the outer centres is still inside the volume: repeat the edge there
    inside = np.ones(plane.shape, bool)
    for a in range(3):
        inside &= (ijk[a] >= -0.5) & (ijk[a] < channels.shape[2 - a] - 0.5)
    out = np.stack(
        [
            map_coordinates(channels[..., c], ijk[::-1], output=np.float32, order=1, mode="nearest")
            for c in range(channels.shape[-1])
        ],
        axis=-1,
    )
    out[~inside] = np.nanmin(out[inside]) if inside.any() else 0
    return out[..., 0] if array.ndim == 3 else out


def _cut(m: np.ndarray, dims: tuple[int, int, int], normal: np.ndarray, offset: float) -> np.ndarray:
    """Where the 12 edges of the volume's box meet the plane: points [N, 3] in RAS."""
    corners = np.array([[x, y, z, 1] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
    corners[:, :3] = corners[:, :3] * np.array(dims) - 0.5
    corners = (corners @ m.T)[:, :3]
    side = corners @ normal - offset
    found = []
    for a in range(8):  # corners are in binary order: an edge joins two that differ in one bit
        for bit in (1, 2, 4):
            b = a | bit
            if b == a or side[a] * side[b] > 0:
                continue
            if side[a] == side[b]:  # the edge lies in the plane
                found += [corners[a], corners[b]]
            else:
                found.append(corners[a] + (corners[b] - corners[a]) * (side[a] / (side[a] - side[b])))
    return np.array(found).reshape(-1, 3)
