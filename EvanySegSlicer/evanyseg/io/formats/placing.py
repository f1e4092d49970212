"""From voxels and a matrix to a volume, with what a person should know about either."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...errors import GeometryError
from ...geometry.placement import placement_of
from ...geometry.volume import ImageSource, Volume


def checked_components(array: np.ndarray, components: int, name: str, colors: bool | None = None) -> None:
    """Raises GeometryError when several values a voxel are no colours. `colors`: whether the file calls them so; None
    when it does not say: then 3 or 4 unsigned ones are."""
    if components == 1 or (colors is None and components in (3, 4) and array.dtype.kind == "u") or colors:
        return
    what = "a vector field" if components in (2, 3) else "no colours (a time series or vector field?)"
    raise GeometryError(f"{name} has {components} values per voxel, which are {what}; save one of them as a volume.")


def placed_volume(
    array: np.ndarray, matrix: np.ndarray, name: str, planar: bool, placed: bool, remark: str = "", unit: str = ""
) -> Volume:
    """array [K, J, I] or [K, J, I, C] at a matrix from voxel indices to LPS mm [4, 4]. `placed`: whether the file says
    where its voxels lie; a file that does not has no geometry. `unit`: of lengths, if the file says it; others than mm
    are taken for mm, as by ITK and Slicer, with a word. Raises ImageError, GeometryError for such a matrix."""
    remarks = [remark] if remark else []
    if unit.lower() not in ("", "mm", "millimeter", "millimeters", "millimetre", "?", "none", "unknown"):
        remarks.append(f"{name} counts in '{unit}'; as ITK and Slicer do, that is taken for mm, wherever mm are told.")
    volume = placement_of(matrix, name).volume(array, planar=planar, name=name)
    if not placed and not planar:
        remarks.append(f"{name} does not say where its voxels lie: the names of its slice planes are a guess.")
        volume = replace(volume, has_geometry=False)
    return replace(volume, source=ImageSource(remarks=tuple(remarks)))
