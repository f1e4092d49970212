"""A slice is built from matrices alone: the right voxels, displayed the right way round, for every orientation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evanyseg.errors import GeometryError
from evanyseg.geometry.anatomy import PLANE_NAMES
from evanyseg.geometry.oblique import oblique_of_key, plane_of_view
from evanyseg.geometry.slice_plane import slice_plane
from orientations import ORIENTATIONS, oriented_matrix, rotation

DIMS = (7, 5, 4)
SPACING = (0.7, 1.3, 2.9)


@pytest.mark.parametrize(("permutation", "signs"), ORIENTATIONS)
def test_every_orientation_is_displayed_as_radiologists_expect(permutation, signs):
    m = oriented_matrix(permutation, signs, SPACING, (3, -8, 11))
    seen = set()
    for axis in range(3):
        plane = slice_plane(m, DIMS, axis, 1)
        right, down = plane.pixel_to_ras[:3, 0], plane.pixel_to_ras[:3, 1]
        seen.add(plane.name)
        if plane.name == "axial":
            assert right[0] < 0  # towards the patient's left
            assert down[1] < 0  # towards posterior
        elif plane.name == "coronal":
            assert right[0] < 0
            assert down[2] < 0
        else:
            assert right[1] < 0  # anterior on the left
            assert down[2] < 0
    assert seen == set(PLANE_NAMES)


@pytest.mark.parametrize(("permutation", "signs"), ORIENTATIONS)
def test_every_pixel_is_the_voxel_at_its_place(permutation, signs):
    m = oriented_matrix(permutation, signs, SPACING, (3, -8, 11))
    voxels = np.arange(np.prod(DIMS)).reshape(DIMS[::-1])
    for axis in range(3):
        for index in range(DIMS[axis]):
            plane = slice_plane(m, DIMS, axis, index)
            pixels = plane.take(voxels)
            rows, cols = np.indices(plane.shape)
            centers = plane.to_ras(np.stack([cols.ravel() + 0.5, rows.ravel() + 0.5], axis=1))
            ijk = (np.c_[centers, np.ones(len(centers))] @ np.linalg.inv(m).T)[:, :3]
            np.testing.assert_allclose(ijk, np.rint(ijk), atol=1e-9)
            i, j, k = np.rint(ijk).astype(int).T
            np.testing.assert_array_equal(pixels.ravel(), voxels[k, j, i])
            assert (np.rint(ijk)[:, axis] == index).all()


def test_a_slice_is_a_view_so_that_writing_reaches_the_volume():
    m = oriented_matrix((2, 0, 1), (1, -1, -1), SPACING)
    voxels = np.zeros(DIMS[::-1], int)
    slice_plane(m, DIMS, 0, 3).take(voxels)[...] = 1
    assert voxels.sum() == DIMS[1] * DIMS[2]
    assert voxels[:, :, 3].all()


def test_spacing_area_thickness_and_position():
    plane = slice_plane(oriented_matrix(signs=(-1, -1, 1), spacing=SPACING, origin=(0, 0, 10)), DIMS, 2, 2)
    assert plane.spacing == pytest.approx((1.3, 0.7))
    assert plane.pixel_area == pytest.approx(0.91)
    assert plane.thickness == pytest.approx(2.9)
    assert plane.position_mm == pytest.approx(10 + 2 * 2.9)


@settings(deadline=None, max_examples=40)
@given(
    orientation=st.sampled_from(ORIENTATIONS),
    angles=st.tuples(*[st.floats(-40, 40)] * 3),
    axis=st.integers(0, 2),
    turn=st.sampled_from([0, 90, 180, 270, 17.5]),
    zoom=st.floats(0.2, 4),
    mirror=st.booleans(),
    inside=st.floats(0, 0.999),
)
def test_turning_mirroring_zooming_or_panning_a_view_gives_the_same_slice(
    orientation, angles, axis, turn, zoom, mirror, inside
):
    m = oriented_matrix(*orientation, SPACING, (5, 6, -7), rotation(*angles))
    index = int(inside * DIMS[axis])
    expected = slice_plane(m, DIMS, axis, index)
    # a view in that plane: any in-plane turn, mirroring, zoom, pan, and an offset within the slice
    in_plane = [m[:3, a] / np.linalg.norm(m[:3, a]) for a in range(3) if a != axis]
    c, s = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    x, y = c * in_plane[0] + s * in_plane[1], -s * in_plane[0] + c * in_plane[1]
    view = np.eye(4)
    view[:3, 0], view[:3, 1] = x * zoom * (-1 if mirror else 1), y * zoom
    view[:3, 2] = np.cross(x, y)
    ijk = np.array([1.2, -3.3, 0.4])
    ijk[axis] = index + 0.3
    view[:3, 3] = (m @ [*ijk, 1])[:3]
    assert plane_of_view(m, DIMS, view) == expected


@settings(deadline=None, max_examples=40)
@given(orientation=st.sampled_from(ORIENTATIONS), angles=st.tuples(*[st.floats(5, 40)] * 3))
def test_an_oblique_view_becomes_square_pixels_that_cover_the_cut(orientation, angles):
    m = oriented_matrix(*orientation, SPACING, (5, 6, -7), rotation(*angles))
    center = (m @ [*(np.array(DIMS) / 2 - 0.5), 1])[:3]
    view = np.diag([1.0, 1, 1, 1])
    view[:3, 3] = center
    plane = plane_of_view(m, DIMS, view)
    assert plane.oblique
    assert plane.spacing == pytest.approx((min(SPACING),) * 2)
    # the volume's centre and every voxel centre that the plane cuts closely are on the picture
    assert abs(plane.to_pixels(center)[0, 2]) < 1e-6
    index = np.indices(DIMS).reshape(3, -1)
    ras = (m @ np.r_[index, np.ones((1, index.shape[1]))])[:3].T
    xyz = plane.to_pixels(ras)
    near = np.abs(xyz[:, 2]) < 1e-2
    assert (xyz[near, :2] >= -1e-6).all()
    assert (xyz[near, 0] <= plane.shape[1] + 1e-6).all()
    assert (xyz[near, 1] <= plane.shape[0] + 1e-6).all()
    again = oblique_of_key(plane.index, plane.key[2])
    np.testing.assert_allclose(again.pixel_to_ras, plane.pixel_to_ras, rtol=1e-4, atol=1e-4)
    assert again.key == plane.key


@pytest.mark.parametrize("index", [-1, 4, 99])
def test_a_slice_outside_the_volume_is_refused(index):
    with pytest.raises(GeometryError, match="axis K has 4 slices"):
        slice_plane(np.eye(4), DIMS, 2, index)


def test_a_view_beside_the_volume_is_refused():
    view = np.eye(4)
    view[2, 3] = 50
    with pytest.raises(GeometryError, match="shows no slice"):
        plane_of_view(np.eye(4), DIMS, view)
    tilted = view.copy()
    tilted[:3, :3] = rotation(20, 10, 0)
    with pytest.raises(GeometryError, match="shows no slice"):
        plane_of_view(np.eye(4), DIMS, tilted)


@pytest.mark.parametrize("broken", [np.zeros((4, 4)), np.diag([1.0, 1, 0, 1]), np.diag([1.0, np.nan, 1, 1])])
def test_a_matrix_without_three_directions_is_refused(broken):
    with pytest.raises(GeometryError, match="not a usable geometry"):
        slice_plane(broken, DIMS, 2, 0)


def test_text_that_is_no_oblique_slice_is_refused():
    with pytest.raises(GeometryError, match="does not describe"):
        oblique_of_key(0, "nonsense")
