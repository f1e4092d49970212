"""Boxes from what a user draws: corners, a line, an ROI of any rotation."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evanyseg.errors import PromptError
from EvanySegSlicerLib.scene.box_source import box_of_corners, box_of_line, box_of_roi, points_of_ras
from EvanySegSlicerLib.scene.nodes.matrices import vtk_matrix
from EvanySegSlicerLib.scene.slice_plane import slice_plane
from scene.headless import ORIENTATIONS, oriented_matrix, rotation

DIMS = (30, 40, 50)
relaxed = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def roi_node(app, centre, size, turn=None):
    node = app.scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "ROI")
    if turn is not None:
        matrix = np.eye(4)
        matrix[:3, :3] = turn
        node.SetAndObserveObjectToNodeMatrix(vtk_matrix(matrix))
    node.SetCenter(*centre)
    node.SetSize(*size)
    return node


@relaxed
@given(
    orientation=st.sampled_from(ORIENTATIONS),
    angles=st.tuples(*[st.floats(-40, 40)] * 3),
    axis=st.integers(0, 2),
    box=st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(2, 14), st.integers(2, 14)),
)
def test_an_roi_turned_with_the_volume_gives_its_pixel_box(app, orientation, angles, axis, box):
    app.scene.Clear(0)
    m = oriented_matrix(*orientation, (0.8, 1.1, 2.5), (5, -3, 8), rotation(*angles))
    plane = slice_plane(m, DIMS, axis, 11)
    x0, y0, width, height = box
    corner = plane.pixel_to_ras @ [x0 + width / 2, y0 + height / 2, 0.2, 1]
    directions = plane.pixel_to_ras[:3, :3] / np.linalg.norm(plane.pixel_to_ras[:3, :3], axis=0)
    if np.linalg.det(directions) < 0:  # an ROI's axes are right-handed
        directions[:, 2] *= -1
    size = np.array([width, height, 1.0]) * np.linalg.norm(plane.pixel_to_ras[:3, :3], axis=0)
    roi = roi_node(app, corner[:3], size, directions)
    found = box_of_roi(plane, roi)
    np.testing.assert_allclose(found.as_tuple(), (x0, y0, x0 + width, y0 + height), atol=2e-4)


@relaxed
@given(angles=st.tuples(*[st.floats(-180, 180)] * 3), centre=st.tuples(*[st.floats(8, 22)] * 3))
def test_a_rotated_roi_gives_the_bounds_of_its_cut(app, angles, centre):
    """Against brute force: points filling the ROI that lie close to the slice."""
    app.scene.Clear(0)
    plane = slice_plane(np.eye(4), DIMS, 2, int(centre[2]))
    turn, size = rotation(*angles), np.array([6.0, 8.0, 10.0])
    roi = roi_node(app, centre, size, turn)
    found = box_of_roi(plane, roi)
    rng = np.random.default_rng(0)
    inside = (turn @ ((rng.random((3, 200_000)) - 0.5) * size[:, None])).T + np.array(centre)
    xyz = plane.to_pixels(inside)
    cut = xyz[np.abs(xyz[:, 2]) < 0.05]
    assert len(cut) > 100
    # samples stay inside the exact bounds (up to the thickness looked at) and come close to them
    assert (cut[:, 0] >= found.x0 - 0.3).all()
    assert (cut[:, 0] <= found.x1 + 0.3).all()
    assert (cut[:, 1] >= found.y0 - 0.3).all()
    assert (cut[:, 1] <= found.y1 + 0.3).all()
    assert cut[:, 0].min() - found.x0 < 1.5
    assert found.y1 - cut[:, 1].max() < 1.5


def test_corners_in_any_order_give_one_box():
    plane = slice_plane(np.diag([-1.0, -1, 1, 1]), DIMS, 2, 5)
    a, b = plane.to_ras(np.array([[4.0, 6.0], [14.0, 26.0]]))
    c, d = plane.to_ras(np.array([[14.0, 6.0], [4.0, 26.0]]))
    for first, second in ((a, b), (b, a), (c, d), (d, c)):
        assert box_of_corners(plane, first, second).as_tuple() == pytest.approx((4, 6, 14, 26))


def test_a_line_is_the_diagonal(app):
    plane = slice_plane(np.eye(4), DIMS, 2, 5)
    line = app.scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", "diagonal")
    with pytest.raises(PromptError, match="place both ends"):
        box_of_line(plane, line)
    for point in plane.to_ras(np.array([[4.0, 6.0], [14.0, 26.0]])):
        line.AddControlPoint(*point)
    assert box_of_line(plane, line).as_tuple() == pytest.approx((4, 6, 14, 26))


def test_an_roi_beside_the_slice_a_flat_line_and_nan_are_refused(app):
    plane = slice_plane(np.eye(4), DIMS, 2, 5)
    with pytest.raises(PromptError, match="does not reach this slice"):
        box_of_roi(plane, roi_node(app, (10, 10, 30), (5, 5, 5)))
    with pytest.raises(PromptError, match="lies outside the image"):
        box_of_roi(plane, roi_node(app, (-90, 10, 5), (5, 5, 5)))
    a = plane.to_ras(np.array([[4.0, 6.0]]))[0]
    with pytest.raises(PromptError):
        box_of_corners(plane, a, a)
    with pytest.raises(PromptError, match="not a number"):
        box_of_corners(plane, a, a * np.nan)


def test_clicked_points_land_on_their_pixels():
    plane = slice_plane(oriented_matrix((1, 2, 0), (-1, 1, -1), (1, 2, 3)), DIMS, 1, 7)
    points = points_of_ras(plane, plane.to_ras(np.array([[3.5, 4.5], [9.25, 2.0]])), positive=False)
    assert [(round(p.x, 6), round(p.y, 6), p.positive) for p in points] == [(3.5, 4.5, False), (9.25, 2.0, False)]
    with pytest.raises(PromptError, match="outside the image"):
        points_of_ras(plane, plane.to_ras(np.array([[-3.5, 4.5]])))
