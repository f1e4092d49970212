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
        raise GeometryError("The volume's directions are not a usable geometry; repair its header (Volumes module).")
    cosines = np.abs(m / lengths)
    best = max(permutations(range(3)), key=lambda p: round(sum(cosines[p[axis], axis] for axis in range(3)), 6))
    return best[0], best[1], best[2]
