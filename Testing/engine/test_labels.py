"""What is written on a slice is what is read back from it, on any grid."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from evanyseg.errors import GeometryError
from evanyseg.geometry.labels import labels_on, stamp
from evanyseg.geometry.oblique import plane_of_view
from orientations import ORIENTATIONS, oriented_matrix, rotation

DIMS = (12, 11, 10)
PAD = 20


def written(before: np.ndarray, plane, mask: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """bool [K, J, I] after the slice was replaced by the mask."""
    found = stamp(plane, mask, matrix)
    wide = np.pad(before, PAD)
    if found is not None:
        i0, i1, j0, j1, k0, k1 = (e + PAD for e in found.extent)
        part = wide[k0 : k1 + 1, j0 : j1 + 1, i0 : i1 + 1]
        part[found.slab] = found.value[found.slab]
    return wide[PAD:-PAD, PAD:-PAD, PAD:-PAD]


turns = st.one_of(
    st.tuples(*[st.floats(-40, 40)] * 3),
    st.tuples(*[st.integers(-40, 40)] * 3),  # whole degrees: ties, where a voxel lies exactly on the slab's border
    st.integers(-40, 40).map(lambda t: (t, 0, 0)),
    st.integers(-40, 40).map(lambda t: (0, t, 0)),
)


@settings(max_examples=300, deadline=None)
@given(
    orientation=st.sampled_from(ORIENTATIONS),
    turn=turns,
    at=st.tuples(*[st.floats(0, 1)] * 3),
    apart=st.one_of(st.just((0.0, 0.0, 0.0)), st.tuples(*[st.floats(-0.5, 0.5)] * 3)),
)
@example(orientation=((1, 0, 2), (1, 1, -1)), turn=(29.0, 9.0, 8.0), at=(0.5, 0.5, 0.5), apart=(0.0, 0.0, 0.0))
@example(orientation=((2, 0, 1), (1, 1, 1)), turn=(0.0, 0.0, 0.0), at=(0.0, 0.0, 0.0), apart=(0.0, 0.0, 0.5))
def test_nothing_is_read_on_a_slice_that_was_wiped(orientation, turn, at, apart) -> None:
    """Also at the rim of the slice, and where the grid of the labels is not the volume's."""
    matrix = oriented_matrix(*orientation, (1.0, 1.3, 0.9), (3, 4, -5), rotation(*turn))
    view = np.diag([-1.0, 1.0, 1.0, 1.0])
    view[:3, 3] = (matrix @ [*(np.array(at) * (np.array(DIMS) - 1)), 1])[:3]
    try:
        plane = plane_of_view(matrix, DIMS, view)
    except GeometryError:
        assume(False)
    grid = matrix.copy()
    grid[:3, 3] += apart
    after = written(np.ones(DIMS[::-1], bool), plane, np.zeros(plane.shape, bool), grid)
    assert not labels_on(after, grid, plane).any()
    wiped = written(after, plane, np.ones(plane.shape, bool), grid)
    assert wiped[~after].all(), "the slice has the same voxels for every mask"
