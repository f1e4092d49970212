"""What is refused or reported, with nothing lost: bad boxes, cancel, nodes that go while a job runs."""

import numpy as np
import pytest

from evanyseg.errors import CancelledError, EvanySegError, ImageError, PromptError
from evanyseg.prompts import BoxPrompt
from scene.headless import inner_box


def test_a_result_can_be_applied_in_small_steps_while_the_scene_goes_away(app, review, liver, truth):
    plane = review.reader.plane(2, 20)
    review.segment_box(liver, plane, inner_box(plane))
    result = review.jobs.propagate(liver, plane).run()
    steps = review.apply_steps(result)
    next(steps)
    some = len(review.table)
    assert 1 < some < len(result.outcomes)
    app.scene.RemoveNode(review.segmentation)
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert not end.value.value.ok
    assert len(end.value.value.keys) == some - 1


@pytest.mark.parametrize(
    "box",
    [
        BoxPrompt(-30, -30, -5, -5),
        BoxPrompt(40, 30, 20, 10),
        BoxPrompt(10, 10, 11, 11),
        BoxPrompt(float("nan"), 0, 10, 10),
    ],
)
def test_a_box_outside_inverted_one_pixel_or_nan_is_refused_and_changes_nothing(review, liver, box):
    plane = review.reader.plane(2, 20)
    with pytest.raises(PromptError):
        review.segment_box(liver, plane, box)
    assert len(review.table) == 0
    assert not review.history.can_undo


def test_nothing_drawn_an_empty_slice_and_no_model_are_said(review, liver):
    plane = review.reader.plane(2, 20)
    with pytest.raises(EvanySegError, match="Draw a box"):
        review.segment_box(liver, plane)
    with pytest.raises(EvanySegError, match="no mask on this slice"):
        review.propagate(liver, plane)
    review.pipeline = None
    with pytest.raises(EvanySegError, match="No model is loaded"):
        review.segment_box(liver, plane, inner_box(plane))


def test_a_mask_of_another_shape_is_refused(review, liver):
    with pytest.raises(ImageError, match=r"mask is \[3, 3\] but the slice is \[50, 60\]"):
        review.store.write(liver, review.reader.plane(2, 20), np.ones((3, 3), bool))


@pytest.mark.parametrize("when", [0, 1, 2, 5, 9])
def test_cancel_at_any_stage_leaves_everything_as_it_was(review, liver, when):
    plane = review.reader.plane(2, 20)
    review.segment_box(liver, plane, inner_box(plane))
    before = list(review.table.records())
    polls = iter(range(10_000))
    with pytest.raises(CancelledError):
        review.propagate(liver, plane, should_cancel=lambda: next(polls) >= when)
    assert repr(review.table.records()) == repr(before)
    polls = iter(range(10_000))
    with pytest.raises(CancelledError):
        review.score_existing(1, should_cancel=lambda: next(polls) >= when)
    polls = iter(range(10_000))
    with pytest.raises(CancelledError):
        review.find_missing(2, should_cancel=lambda: next(polls) >= when)
    assert repr(review.table.records()) == repr(before)
    assert review.undo()
    assert not review.history.can_undo


@pytest.mark.parametrize("gone", ["volume", "segmentation", "table", "segment", "scene"])
def test_a_node_removed_while_a_job_runs_is_reported_and_nothing_crashes(app, review, liver, gone):
    plane = review.reader.plane(2, 20)
    review.segment_box(liver, plane, inner_box(plane))
    jobs = [
        review.jobs.box(liver, plane, inner_box(plane)),
        review.jobs.propagate(liver, plane),
        review.jobs.score(1),
        review.jobs.missing(2),
    ]
    if gone == "segment":
        review.segmentation.GetSegmentation().RemoveSegment(liver)
    elif gone == "scene":
        app.scene.Clear(0)
    else:
        node = {"volume": review.volume, "segmentation": review.segmentation, "table": review.table.node}[gone]
        app.scene.RemoveNode(node)
    for job in jobs:
        result = job.run()
        applied = review.apply(result)
        assert not applied.ok or not result.outcomes
        assert not result.outcomes or "removed" in applied.message
    assert review.undo() == [] or gone == "segment"
    if gone != "segment":
        with pytest.raises(EvanySegError, match="was removed"):
            review.jobs.score(2)


def test_a_slice_edited_while_it_was_being_scored_keeps_its_old_state(review, liver, truth):
    plane = review.reader.plane(2, 20)
    review.store.write(liver, plane, plane.take(truth), review.volume)
    job = review.jobs.score(2)
    result = job.run()
    review.store.write(liver, plane, np.roll(plane.take(truth), 3, axis=1))
    applied = review.apply(result)
    assert applied.keys == ()
    assert "changed meanwhile" in applied.message
    assert len(review.table) == 0
