"""Scores follow their masks: undo, redo, edits from elsewhere, renamed and deleted segments."""

import numpy as np
import pytest

from doubles import make_pipeline
from evanyseg.errors import GeometryError
from evanyseg.prompts import BoxPrompt
from scene.headless import inner_box


def test_a_second_box_replaces_the_mask_in_one_undo_step(review, liver, truth):
    plane = review.reader.plane(2, 20)
    review.segment_box(liver, plane, inner_box(plane))
    small = BoxPrompt(20, 15, 40, 35)
    review.segment_box(liver, plane, small)
    inside = np.zeros(plane.shape, bool)
    inside[15:35, 20:40] = True
    np.testing.assert_array_equal(review.store.mask(liver, plane), plane.take(truth) & inside)
    assert review.table.get((liver, 2, 20, "")).dice < 1
    review.undo()
    np.testing.assert_array_equal(review.store.mask(liver, plane), plane.take(truth))


def test_undo_and_redo_bring_back_the_matching_score_without_inference(review, liver):
    plane, key = review.reader.plane(2, 20), (liver, 2, 20, "")
    boxes = [inner_box(plane), BoxPrompt(20, 15, 40, 35), BoxPrompt(25, 20, 35, 30)]
    for box in boxes:
        review.segment_box(liver, plane, box)
    scores = [r.dice for r in (review.table.get(key),)]
    scored = review.pipeline.estimator.scored
    assert review.undo() == [key]
    second = review.table.get(key)
    assert second.box_prompt == boxes[1]
    assert review.undo() == [key]
    first = review.table.get(key)
    assert first.box_prompt == boxes[0]
    assert first.dice == 1.0
    assert review.undo() == [key]
    assert review.table.get(key) is None, "nothing is left on the slice: no row"
    assert not review.store.mask(liver, plane).any()
    assert review.undo() == []
    for expected in (first, second):
        assert review.redo() == [key]
        assert review.table.get(key).dice == expected.dice
        assert review.table.get(key).content_hash == expected.content_hash
        assert not review.table.get(key).stale
    review.redo()
    assert review.table.get(key).dice == scores[0]
    assert review.pipeline.estimator.scored == scored


def test_an_edited_slice_is_stale_in_every_direction_and_its_undo_is_not(review, liver, truth):
    for axis, index in ((2, 20), (1, 25), (0, 30)):
        plane = review.reader.plane(axis, index)
        review.store.write(liver, plane, plane.take(truth), review.volume)
    for axis, index in ((2, 20), (1, 25), (0, 30)):
        review.apply(review.jobs.score(axis, only=[(liver, axis, index, "")]).run())
    assert {r.key for r in review.table.records()} == {(liver, 2, 20, ""), (liver, 1, 25, ""), (liver, 0, 30, "")}
    plane = review.reader.plane(2, 20)
    before = review.store.mask(liver, plane)
    edited = before.copy()
    edited[25, :] = False  # on all three slices
    edited[:, 30] = False
    review.store.write(liver, plane, edited)
    assert len(review.refresh()) == 3
    assert {r.state for r in review.table.records()} == {"stale"}
    review.store.write(liver, plane, before)
    review.refresh()
    assert {r.state for r in review.table.records()} == {"open"}


def test_an_edit_along_one_axis_makes_crossing_rows_of_the_others_stale(review, liver):
    across = review.reader.plane(1, 25)
    review.segment_box(liver, across, inner_box(across))
    plane = review.reader.plane(2, 20)
    review.segment_box(liver, plane, BoxPrompt(20, 15, 40, 24))  # clears the line that both slices share
    assert review.table.get((liver, 1, 25, "")).state == "stale"
    assert review.table.get((liver, 2, 20, "")).state == "open"


def test_two_reviews_at_once_keep_their_histories_apart(app, volume, truth):
    from EvanySegSlicerLib.scene.review.open_review import open_review
    from scene.headless import add_segmentation

    reviews = [
        open_review(volume, add_segmentation(app, volume, {"a": truth})[0], make_pipeline()).review for _ in "12"
    ]
    plane = reviews[0].reader.plane(2, 20)
    for one in reviews:
        one.segment_box(one.store.ids()[0], plane, BoxPrompt(20, 15, 40, 35))
    reviews[0].undo()
    np.testing.assert_array_equal(reviews[0].store.mask(reviews[0].store.ids()[0], plane), plane.take(truth))
    assert reviews[1].store.mask(reviews[1].store.ids()[0], plane).sum() < plane.take(truth).sum()


def test_a_changed_image_makes_scores_stale(review, liver):
    from EvanySegSlicerLib.scene.nodes.matrices import voxels

    plane = review.reader.plane(2, 20)
    review.segment_box(liver, plane, inner_box(plane))
    voxels(review.volume)[20] += 1
    review.volume.GetImageData().GetPointData().GetScalars().Modified()
    review.volume.GetImageData().Modified()
    review.refresh()
    assert review.table.get((liver, 2, 20, "")).state == "stale"


def test_rows_follow_renamed_and_deleted_segments(review, liver):
    plane = review.reader.plane(2, 20)
    review.segment_box(liver, plane, inner_box(plane))
    review.segmentation.GetSegmentation().GetSegment(liver).SetName("Hepar")
    review.refresh()
    assert review.table.get((liver, 2, 20, "")).segment == "Hepar"
    review.segmentation.GetSegmentation().RemoveSegment(liver)
    review.refresh()
    assert len(review.table) == 0


def test_an_oblique_slice_is_segmented_scored_and_can_go_stale_but_not_propagate(app, review, liver):
    from orientations import rotation

    node = app.slice_node("Red")
    app.show(review.volume)
    tilt = node.GetSliceToRAS()
    for r in range(3):
        for c in range(3):
            tilt.SetElement(r, c, rotation(20, 10, 0)[r, c])
    node.UpdateMatrices()
    bounds = [0.0] * 6
    review.volume.GetRASBounds(bounds)
    node.JumpSliceByCentering(*[(bounds[n] + bounds[n + 1]) / 2 for n in (0, 2, 4)])
    plane = review.reader.plane_of_view(node)
    assert plane.oblique
    applied = review.segment_box(liver, plane, inner_box(plane))
    assert applied.ok
    row = review.table.get(applied.keys[0])
    assert row.plane == "oblique axial"
    assert row.dice > 0.9
    assert not row.stale
    assert review.refresh() == []
    with pytest.raises(GeometryError, match="no neighbours"):
        review.propagate(liver, plane)
    review.store.write(liver, plane, np.zeros(plane.shape, bool))
    assert review.refresh() == [row.key]
