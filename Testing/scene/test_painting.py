"""Strokes on slices: what they cover, that they are one undo step, and that nothing else is touched."""

from __future__ import annotations

import numpy as np
import pytest

from evanyseg.geometry.slice_plane import slice_plane
from evanyseg.geometry.strokes import stroke_mask
from EvanySegSlicerLib.presenters.editing.painting import PaintingPresenter
from scene.desk import Desk, desk

__all__ = ["desk"]


@pytest.fixture
def painting(desk: Desk) -> PaintingPresenter:
    desk.choose()
    one = PaintingPresenter(desk.controller, desk.segmenting)
    one.set_diameter(6)
    return one


def masks(desk: Desk, segment_id: str) -> np.ndarray:
    """bool [K, J, I]: the display frame runs against the columns and rows of an identity matrix."""
    review = desk.controller.review
    return np.stack([review.store.mask(segment_id, review.reader.plane(2, k))[::-1, ::-1] for k in range(12)])


def line(index: float, *xy: tuple[float, float]) -> np.ndarray:
    """RAS points at voxel columns and rows: the phantom's matrix is the identity."""
    return np.array([[x, y, index] for x, y in xy], float)


def test_a_stroke_covers_what_lies_within_its_radius_whatever_the_pixels():
    matrix = np.diag([0.5, 2.0, 3.0, 1.0])
    plane = slice_plane(matrix, (80, 30, 4), 2, 1)
    ras = np.array([[10.0, 20.0, 3.0], [25.0, 30.0, 3.0]])
    found = stroke_mask(plane, ras, 4.0)
    rows, cols = np.mgrid[: plane.shape[0], : plane.shape[1]]
    centers = plane.to_ras(np.stack([cols.ravel() + 0.5, rows.ravel() + 0.5], axis=1))
    along = np.clip((centers - ras[0]) @ (ras[1] - ras[0]) / ((ras[1] - ras[0]) ** 2).sum(), 0, 1)
    away = np.linalg.norm(centers - ras[0] - along[:, None] * (ras[1] - ras[0]), axis=1)
    assert np.array_equal(found.ravel(), away <= 4.0)
    assert 100 < found.sum() < 250


def test_a_brush_smaller_than_a_pixel_covers_the_pixel_it_is_in_and_none_outside():
    plane = slice_plane(np.eye(4), (8, 8, 2), 2, 0)
    assert stroke_mask(plane, np.array([[3.3, 4.3, 0.0]]), 0.1).sum() == 1
    assert not stroke_mask(plane, np.array([[90.0, 4.0, 0.0]]), 3.0).any()


def test_paint_and_erase_are_one_undo_step_each_and_touch_one_slice(desk, painting):
    assert painting.begin()
    segment_id = desk.segmenting.segment_id
    node = desk.look(5)
    painting.stroke(node, line(5, (20, 30), (40, 30)), erase=False)
    painted = masks(desk, segment_id)
    assert np.flatnonzero(painted.any(axis=(1, 2))).tolist() == [5]
    assert 6 * 20 < painted.sum() < 7 * 28
    painting.stroke(node, line(5, (30, 20), (30, 40)), erase=True)
    erased = masks(desk, segment_id)
    assert not (erased & ~painted).any()
    assert 30 < (painted & ~erased).sum() < 60
    desk.segmenting.undo()
    assert np.array_equal(masks(desk, segment_id), painted)
    desk.segmenting.undo()
    assert not masks(desk, segment_id).any()
    desk.segmenting.redo()
    assert np.array_equal(masks(desk, segment_id), painted)


def test_a_stroke_makes_the_row_stale_and_undo_brings_its_score_back(desk, painting):
    desk.draw(5)
    (row,) = desk.rows
    told = []
    painting.on_edit = lambda: told.append(1)
    painting.stroke(desk.look(5), line(5, (2, 2), (8, 2)), erase=False)
    (edited,) = desk.rows
    assert edited.stale
    assert told == [1]
    desk.segmenting.undo()
    (back,) = desk.rows
    assert not back.stale
    assert back.content_hash == row.content_hash
    assert back.dice == row.dice


def test_a_stroke_that_changes_nothing_is_no_step(desk, painting):
    desk.draw(5)
    assert desk.controller.review.history.can_undo
    desk.segmenting.undo()
    told = []
    painting.on_edit = lambda: told.append(1)
    painting.stroke(desk.look(5), line(5, (2, 2)), erase=True)
    assert told == []
    assert not desk.controller.review.history.can_undo


def test_points_count_on_the_slice_they_were_drawn_on(desk, painting):
    painting.begin()
    painting.stroke(desk.look(7), np.vstack([line(6, (20, 20)), line(7, (40, 40))]), erase=False)
    painted = masks(desk, desk.segmenting.segment_id)
    assert np.flatnonzero(painted.any(axis=(1, 2))).tolist() == [6, 7]
    assert painted[6, :30].any()
    assert painted[7, 30:].any()
    assert not painted[6, 30:].any()
    assert not painted[7, :30].any()


def test_other_segments_keep_their_voxels(desk, painting):
    painting.begin()
    first = desk.segmenting.segment_id
    painting.stroke(desk.look(5), line(5, (20, 30), (40, 30)), erase=False)
    before = masks(desk, first)
    desk.segmenting.add_segment()
    painting.stroke(desk.look(5), line(5, (30, 20), (30, 40)), erase=False)
    painting.stroke(desk.look(5), line(5, (20, 30), (40, 30)), erase=True)
    assert np.array_equal(masks(desk, first), before)


def test_under_a_transform_the_stroke_lands_where_the_pointer_was(desk, painting):
    import slicer
    import vtk

    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 100)
    transform = desk.core.scene.AddNode(slicer.vtkMRMLLinearTransformNode())
    transform.SetMatrixTransformToParent(matrix)
    desk.volume.SetAndObserveTransformNodeID(transform.GetID())
    assert painting.begin()
    points = line(5, (130, 30))
    painting.stroke(desk.look(5), points, erase=False)
    review = desk.controller.review
    plane = review.reader.plane(2, 5)
    x, y, _ = plane.to_pixels(points)[0]
    rows, cols = np.nonzero(review.store.mask(desk.segmenting.segment_id, plane))
    assert abs(rows.mean() + 0.5 - y) < 0.6
    assert abs(cols.mean() + 0.5 - x) < 0.6


def test_without_a_volume_or_beside_it_a_sentence(desk):
    one = PaintingPresenter(desk.controller, desk.segmenting)
    assert not one.begin()
    assert "volume" in desk.view.problems[-1]
    desk.choose()
    assert one.begin()
    one.stroke(desk.look(500), line(500, (3, 3)), erase=False)
    assert "scroll" in desk.view.problems[-1]
