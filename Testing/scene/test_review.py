"""The review's actions on a real scene: box, refine, propagate, score, missing slices, masking."""

import numpy as np
import pytest

from doubles import KnownTruthEstimator, ThresholdSegmenter, make_pipeline
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.prompts import BoxPrompt, PointPrompt
from EvanySegSlicerLib.scene.table.records import MISSING
from scene.headless import inner_box


def test_a_box_gives_a_mask_a_score_and_a_row(review, liver, truth):
    plane = review.reader.plane(2, 20)
    applied = review.segment_box(liver, plane, inner_box(plane))
    assert applied.ok
    assert applied.keys == ((liver, 2, 20, ""),)
    np.testing.assert_array_equal(review.store.mask(liver, plane), plane.take(truth))
    row = review.table.get((liver, 2, 20, ""))
    assert (row.segment, row.plane, row.index, row.dice, row.band) == ("Liver", "axial", 20, 1.0, "good")
    assert row.position_mm == pytest.approx(40.0)
    assert row.area_mm2 == pytest.approx(plane.take(truth).sum() * 1.2)
    assert row.wrong_mm2 == 0
    assert row.box_prompt == inner_box(plane)
    assert (row.segmenter, row.estimator) == ("threshold", "truth")
    assert row.window.startswith("percentile [")
    assert not row.stale


def test_points_refine_the_last_answer(review, liver):
    plane = review.reader.plane(2, 20)
    review.segment_box(liver, plane, BoxPrompt(20, 15, 40, 35))
    before = review.store.mask(liver, plane)
    row, col = 25, 12  # part of the object, left of the box
    assert not before[row, col]
    applied = review.refine(liver, plane, [PointPrompt(col + 0.5, row + 0.5)])
    assert applied.ok
    after = review.store.mask(liver, plane)
    assert after[row, col]
    assert (after & before).sum() == before.sum()
    review.refine(liver, plane, [PointPrompt(30.5, 25.5, positive=False)])
    again = review.store.mask(liver, plane)
    assert again[row, col], "earlier points stay"
    assert not again[25, 30]
    review.undo()
    np.testing.assert_array_equal(review.store.mask(liver, plane), after)


def test_propagation_follows_the_object_and_stops_at_its_end(review, liver, truth):
    plane = review.reader.plane(2, 20)
    review.segment_box(liver, plane, inner_box(plane))
    applied = review.propagate(liver, plane)
    filled = {r.index for r in review.table.records(liver)}
    expected = {k for k in range(40) if truth[k].any()}
    assert filled <= expected
    assert len(expected - filled) <= 2, "only the smallest end slices may be lost"
    for index in filled:
        one = review.reader.plane(2, index)
        np.testing.assert_array_equal(review.store.mask(liver, one), one.take(truth))
    assert len(applied.keys) == len(filled) - 1
    review.undo()
    assert {r.index for r in review.table.records(liver)} == {20}, "one undo step for the whole propagation"


@pytest.mark.parametrize(("direction", "side"), [("up", 1), ("down", -1)])
def test_propagation_goes_one_way_when_asked(review, liver, direction, side):
    plane = review.reader.plane(1, 25)
    review.segment_box(liver, plane, inner_box(plane))
    review.propagate(liver, plane, direction)
    others = {r.index for r in review.table.records(liver, axis=1)} - {25}
    assert others
    assert all((index - 25) * side > 0 for index in others)


def test_propagation_stops_where_quality_falls(volume, truth):
    from EvanySegSlicerLib.scene.review.open_review import open_review

    calls = []

    def doubtful(image):
        """The truth, but nothing is true on any slice after the sixth scored one."""
        calls.append(1)
        return (image[..., 0] > 127) & (len(calls) <= 6 * 3)

    review = open_review(volume, pipeline=SlicePipeline(KnownTruthEstimator(doubtful), ThresholdSegmenter())).review
    liver = review.store.add("Liver")
    plane = review.reader.plane(2, 20)
    review.segment_box(liver, plane, inner_box(plane))
    review.propagate(liver, plane, "up", stop_below=0.5)
    assert {r.index for r in review.table.records(liver)} == set(range(20, 26))
    assert not review.store.mask(liver, review.reader.plane(2, 26)).any(), "the poor slice is not written"


def test_an_existing_segmentation_is_scored_slice_by_slice_along_any_axis(app, volume, truth):
    from EvanySegSlicerLib.scene.review.open_review import open_review
    from scene.headless import add_segmentation

    shifted = np.roll(truth, 8, axis=2)
    segmentation, ids = add_segmentation(app, volume, {"good": truth, "shifted": shifted})
    review = open_review(volume, segmentation, make_pipeline()).review
    for axis in range(3):
        review.score_existing(axis)
        along = tuple(n for n in range(3) if n != 2 - axis)
        for name, mask in (("good", truth), ("shifted", shifted)):
            rows = review.table.records(ids[name], axis)
            assert {r.index for r in rows} == set(np.flatnonzero(mask.any(axis=along)).tolist())
            for row in rows:
                a, b = (np.take(m, row.index, axis=2 - axis) for m in (mask, truth))
                # scored on square pixels: 1 x 2 mm slices are resampled first
                assert row.dice == pytest.approx(2 * (a & b).sum() / (a.sum() + b.sum()), abs=0.05)
                assert row.box == ""
    assert min(r.dice for r in review.table.records(ids["shifted"], 2)) < 0.8


def test_only_changed_slices_are_scored_again(app, volume, truth):
    from EvanySegSlicerLib.scene.review.open_review import open_review
    from scene.headless import add_segmentation

    segmentation, ids = add_segmentation(app, volume, {"a": truth})
    review = open_review(volume, segmentation, make_pipeline()).review
    review.score_existing(2)
    scored = review.pipeline.estimator.scored
    assert review.score_existing(2).keys == ()
    assert review.pipeline.estimator.scored == scored
    plane = review.reader.plane(2, 18)
    review.store.write(ids["a"], plane, np.roll(plane.take(truth), 4, axis=1))
    assert review.refresh() == [(ids["a"], 2, 18, "")]
    assert review.table.get((ids["a"], 2, 18, "")).state == "stale"
    applied = review.apply(review.jobs.rescore(2).run())
    assert applied.keys == ((ids["a"], 2, 18, ""),)
    assert review.pipeline.estimator.scored == scored + 1
    assert review.table.get((ids["a"], 2, 18, "")).state == "open"
    assert review.table.get((ids["a"], 2, 18, "")).dice < 1


def test_invisible_segments_are_left_out(app, volume, truth):
    from EvanySegSlicerLib.scene.review.open_review import open_review
    from scene.headless import add_segmentation

    segmentation, ids = add_segmentation(app, volume, {"a": truth, "b": truth})
    segmentation.GetDisplayNode().SetSegmentVisibility(ids["b"], False)
    review = open_review(volume, segmentation, make_pipeline()).review
    review.score_existing(2)
    assert {r.segment for r in review.table.records()} == {"a"}


def test_gaps_and_ends_that_lack_a_mask_are_found(app, volume, truth):
    from EvanySegSlicerLib.scene.review.open_review import open_review
    from scene.headless import add_segmentation

    held = truth.copy()
    held[15] = held[16] = False  # a gap
    last = max(k for k in range(40) if truth[k].any())
    held[last - 4 :] = False  # the upper end was forgotten
    segmentation, ids = add_segmentation(app, volume, {"a": held})
    review = open_review(volume, segmentation, make_pipeline()).review
    review.find_missing(2)
    rows = {r.index: r for r in review.table.records(ids["a"]) if r.kind == MISSING}
    assert set(rows) == {15, 16, last - 4}, "the lower end has no object beyond it"
    for index, row in rows.items():
        assert row.dice == 0
        assert row.band == "poor"
        assert row.state == "missing?"
        assert row.wrong_mm2 == pytest.approx(row.area_mm2)
        assert row.area_mm2 == pytest.approx(truth[index].sum() * 1.2, rel=0.15)
        assert not review.store.mask(ids["a"], review.reader.plane(2, index)).any(), "nothing was written"
    scored = review.pipeline.segmenter.embedded
    review.find_missing(2)
    assert review.pipeline.segmenter.embedded - scored <= 1, "slices looked at are not looked at again"
    review.segment_box(ids["a"], review.reader.plane(2, 15), rows[15].box_prompt)
    assert review.table.get((ids["a"], 2, 15, "")).kind == "mask", "the offer was taken: a row like any other"


def test_editing_with_the_segment_editors_masking_respects_the_editable_area(app, volume, truth):
    import slicer

    from EvanySegSlicerLib.scene.review.mask_history import MaskHistory
    from EvanySegSlicerLib.scene.review.open_review import open_review
    from scene.headless import add_segmentation

    half = truth.copy()
    half[:, :, 30:] = False
    segmentation, ids = add_segmentation(app, volume, {"area": half, "new": np.zeros_like(truth)})
    history = MaskHistory.create(segmentation, volume)
    editor = history.logic.GetSegmentEditorNode()
    editor.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedInsideSingleSegment)
    editor.SetMaskSegmentID(ids["area"])
    review = open_review(volume, segmentation, make_pipeline()).review.through(history)
    plane = review.reader.plane(2, 20)
    applied = review.segment_box(ids["new"], plane, inner_box(plane))
    assert applied.ok
    np.testing.assert_array_equal(review.store.mask(ids["new"], plane), plane.take(half))
    np.testing.assert_array_equal(review.store.mask(ids["area"], plane), plane.take(half))
    assert review.table.get(applied.keys[0]).state == "stale", "what is stored is not what was scored"
    review.apply(review.jobs.rescore(2).run())
    row = review.table.get(applied.keys[0])
    assert row.state == "open"
    assert row.dice == pytest.approx(2 * half[20].sum() / (half[20].sum() + truth[20].sum()), abs=0.02)


def test_a_segments_name_tells_estimators_what_it_is_meant_to_be(review, liver, truth, monkeypatch):
    told = []
    estimator = review.pipeline.estimator
    real = estimator.estimate_cases

    def told_cases(cases, *more, **options):
        return real((told.append(case.label) or case for case in cases), *more, **options)

    monkeypatch.setattr(estimator, "estimate_cases", told_cases)
    plane = review.reader.plane(2, 20)
    review.segment_box(liver, plane, inner_box(plane))
    assert set(told) == {"Liver"}
    for job in (
        lambda: review.jobs.propagate(liver, plane, "up", limit=2),
        lambda: review.jobs.score(2, again=True),
        lambda: review.jobs.missing(2),
    ):
        told.clear()
        review.apply(job().run())
        assert set(told) == {"Liver"}
