"""What the user does between asking and getting: scroll, choose another segment, move the volume, change the inputs.

The answer goes where it was asked for, or is dropped with a word.
"""

from __future__ import annotations

import numpy as np
import pytest

from EvanySegSlicerLib.scene.nodes.matrices import vtk_matrix
from orientations import rotation
from scene.desk import desk

__all__ = ["desk"]  # a fixture

BOX = (10, 10, 54, 54)


@pytest.fixture
def asked(desk):
    """A first box on slice 5, drawn while the models are not loaded yet."""
    desk.choose()
    desk.segmenting.box_drawn(desk.look(5), desk.corners(5, BOX))
    assert desk.executor.waiting
    return desk


def move(desk, volume=None):
    """A transform above the volume (and its segmentation)."""
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation(0, 0, 20), (3, 4, 0)
    transform = desk.core.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    transform.SetMatrixTransformToParent(vtk_matrix(matrix))
    for node in (desk.volume, desk.controller.review.segmentation):
        node.SetAndObserveTransformNodeID(transform.GetID())


def test_scrolling_on_while_the_models_load_does_not_move_the_box(asked):
    asked.look(8)
    asked.executor.run_all()
    assert [row.index for row in asked.rows] == [5]


def test_a_point_and_a_propagation_stay_on_their_slice(desk):
    desk.choose()
    desk.draw(5)
    desk.controller.forget_models()
    desk.segmenting.point_placed(desk.look(5), np.array([30.0, 30.0, 5.0]), True)
    desk.look(8)
    desk.executor.run_all()
    assert [row.index for row in desk.rows] == [5]
    desk.controller.forget_models()
    desk.segmenting.propagate(desk.look(5), "up", 0.5)
    desk.look(0)  # nothing is there to propagate
    desk.executor.run_all()
    assert {row.index for row in desk.rows} == {5, 6, 7, 8}


def test_another_segment_chosen_while_the_models_load_does_not_get_the_box(desk):
    desk.choose()
    desk.draw(5)
    (first,) = desk.controller.review.store.ids()
    second = desk.controller.review.store.add("Second")
    desk.controller.forget_models()
    desk.segmenting.box_drawn(desk.look(6), desk.corners(6, BOX))
    desk.segmenting.segment_id = second
    desk.executor.run_all()
    assert {row.segment_id for row in desk.rows} == {first}
    assert {row.index for row in desk.rows} == {5, 6}


@pytest.mark.parametrize("steps", [0, 1])
def test_another_segmentation_chosen_meanwhile_gets_nothing(asked, steps):
    """While the models load (0 jobs done) and while the box is segmented (1 job done)."""
    for _ in range(steps):
        asked.executor.run_next()
    other = asked.core.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Other")
    asked.controller.node.set("segmentation", other.GetID())
    asked.controller.open()
    asked.executor.run_all()
    assert not asked.rows
    assert other.GetSegmentation().GetNumberOfSegments() == 0
    assert asked.view.problems[-1] == "The review was closed meanwhile; the result was dropped."


def test_a_volume_moved_while_the_box_is_segmented_gets_nothing_and_that_is_said(asked):
    asked.executor.run_next()  # the models
    move(asked)
    asked.executor.run_all()
    assert not asked.rows
    assert "was moved by a transform meanwhile" in asked.view.problems[-1]
    store = asked.controller.review.store
    assert all(store.array(segment_id).array.size == 0 for segment_id in store.ids())


def test_a_volume_moved_while_the_models_load_gets_nothing_and_that_is_said(asked):
    move(asked)
    asked.executor.run_all()
    assert not asked.rows
    assert "was moved by a transform meanwhile; draw the box again" in asked.view.problems[-1]


def test_a_candidate_compared_before_the_volume_was_moved_is_not_kept(desk):
    from EvanySegSlicerLib.presenters.explore.comparing import ComparingPresenter

    desk.choose()
    desk.draw(5)
    row = desk.rows[0]
    comparing = ComparingPresenter(desk.controller, desk.segmenting)
    comparing.compare(["builtin", "other"])
    desk.executor.run_all()
    assert comparing.candidates
    before = desk.controller.review.store.array(row.segment_id).array.copy()
    move(desk)
    comparing.keep(len(comparing.candidates) - 1)
    desk.executor.run_all()
    assert "was moved by a transform meanwhile" in desk.view.problems[-1]
    np.testing.assert_array_equal(desk.controller.review.store.array(row.segment_id).array, before)
    comparing.compare(["builtin"])
    desk.executor.run_all()
    assert "was moved by a transform meanwhile" in desk.view.problems[-1]
