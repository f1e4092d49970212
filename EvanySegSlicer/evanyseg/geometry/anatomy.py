"""Which voxel axis is which anatomical one: names, and the change between the world frames of files and of scenes."""

from __future__ import annotations

from functools import lru_cache
from itertools import permutations

import numpy as np

from ..errors import GeometryError

PLANE_NAMES = ("sagittal", "coronal", "axial")
"""Slice planes by the world axis (R, A, S) that their normal is nearest to."""

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""[4, 4]; its own inverse. Files (ITK, DICOM) speak LPS, scenes and slice planes RAS."""


def anatomical_axes(ijk_to_ras: np.ndarray) -> tuple[int, int, int]:
    """For voxel axes I, J, K: the world axis (0 = R, 1 = A, 2 = S) each is assigned to, all different.

    Raises GeometryError when the matrix is not a usable geometry (singular or not finite).
    """
    return _anatomical_axes(np.ascontiguousarray(ijk_to_ras, float).tobytes())


@lru_cache(maxsize=64)
def _anatomical_axes(matrix: bytes) -> tuple[int, int, int]:
    m = np.frombuffer(matrix).reshape(4, 4)[:3, :3]
    lengths = np.linalg.norm(m, axis=0)
    if not np.isfinite(m).all() or (lengths == 0).any() or abs(np.linalg.det(m / lengths)) < 1e-6:
        raise GeometryError(
            "The volume's directions are not a usable geometry; repair its header (in Slicer: Volumes module)."
        )
    best = max(permutations(range(3)), key=lambda p: _fit(m / lengths, p))
    return best[0], best[1], best[2]


def _fit(directions: np.ndarray, assigned: tuple[int, ...]) -> tuple[float, ...]:
    """How well voxel axes follow the world axes `assigned` to them; rounded, so that headers' last digits do not count.

    Ties (a turn by exactly 45 degrees) go by the directions themselves, which are the same in whatever order and sense
    the file stores its axes.
    """
    along = [directions[:, assigned.index(world)] for world in range(3)]
    along = [d if d[world] > 0 else -d for world, d in enumerate(along)]
    total = round(float(sum(d[world] for world, d in enumerate(along))), 6)
    return total, *(round(float(v), 6) for d in reversed(along) for v in d)
