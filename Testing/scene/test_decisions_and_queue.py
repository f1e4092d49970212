"""What the person decides, and in which order slices are looked at."""

import numpy as np
import pytest

from doubles import make_pipeline
from evanyseg.bands import BandThresholds
from evanyseg.errors import EvanySegError
from evanyseg.prompts import BoxPrompt
from EvanySegSlicerLib.scene.review.queue import Filters, before, counts, next_open, ranked
from EvanySegSlicerLib.scene.table.summaries import review_summaries
from scene.headless import inner_box


def test_a_comment_survives_undo_and_redo_and_a_decision_stays_with_its_content(review, liver):
    plane, key = review.reader.plane(2, 20), (liver, 2, 20, "")
    review.segment_box(liver, plane, inner_box(plane))
    review.decisions.accept(key)
    review.decisions.comment(key, "fine")
    review.segment_box(liver, plane, BoxPrompt(20, 15, 40, 35))
    assert review.table.get(key).decision == "", "another mask has not been accepted"
    assert review.table.get(key).comment == "fine"
    review.undo()
    assert review.table.get(key).decision == "accepted"


def test_decisions_have_an_undo_of_their_own(review, liver):
    plane, key = review.reader.plane(2, 20), (liver, 2, 20, "")
    review.segment_box(liver, plane, inner_box(plane))
    log = review.decisions
    log.accept(key)
    log.flag(key)
    log.comment(key, 'too wide\nat the left\t"here"')
    row = review.table.get(key)
    assert (row.decision, row.state) == ("flagged", "flagged")
    assert row.comment == "too wide at the left 'here'"
    assert log.undo() == [key]
    assert review.table.get(key).comment == ""
    log.undo()
    assert review.table.get(key).decision == "accepted"
    log.undo()
    assert review.table.get(key).decision == ""
    assert log.undo() == []
    assert not log.can_undo
    log.redo()
    assert review.table.get(key).decision == "accepted"
    log.clear(key)
    assert not log.can_redo, "a new decision ends the redo"
    assert review.table.get(key).state == "open"
    with pytest.raises(EvanySegError, match="no score yet"):
        log.accept((liver, 2, 3, ""))


def test_poor_slices_and_their_share_follow_the_same_bands(review, liver):
    """Four slices near .65: poor by the default bands, worth a check by .8/.6; count, share and run agree."""
    from dataclasses import replace

    from doubles.review import RecordingView, double_models
    from EvanySegSlicerLib.presenters.review_controller import ReviewController
    from EvanySegSlicerLib.presenters.reviewing import ReviewingPresenter
    from EvanySegSlicerLib.scene.jobs.runner import JobRunner, ManualExecutor

    for index in range(18, 22):
        plane = review.reader.plane(2, index)
        review.segment_box(liver, plane, inner_box(plane))
    review.table.update(*[replace(r, dice=0.65) for r in review.table.records()])

    executor = ManualExecutor()
    controller = ReviewController(JobRunner(lambda device: executor), double_models(), RecordingView())
    controller.review = review
    for bands, poor in ((BandThresholds(0.8, 0.6), 0), (BandThresholds(0.9, 0.7), 4)):
        review.table.set_thresholds(bands)
        (line,) = ReviewingPresenter(controller, print).summaries()
        run = line.scores.worst_run
        assert (line.poor, line.scores.poor_fraction) == (poor, poor / 4)
        assert ((run.first, run.last) if run else None) == ((18, 21) if poor else None)
        assert counts(review.table.records()).endswith(f"{poor} poor")


def test_a_table_opened_under_other_bands_follows_them(opened, liver):
    """Scored under one pair of bands, opened again after the user chose another one meanwhile."""
    from EvanySegSlicerLib.scene.review.open_review import open_review

    review = opened.review
    plane, key = review.reader.plane(2, 20), (liver, 2, 20, "")
    review.segment_box(liver, plane, BoxPrompt(20, 15, 40, 35))
    dice = review.table.get(key).dice
    assert review.table.get(key).band == BandThresholds().band(dice).value == "poor"
    opened.session.set("check", 0.1)
    opened.session.set("good", 0.2)
    again = open_review(review.volume, review.segmentation, make_pipeline()).review
    assert again.table.get(key).band == "good"


def test_the_queue_is_ordered_by_wrong_area_or_dice_and_filtered(app, volume, truth):
    from EvanySegSlicerLib.scene.review.open_review import open_review
    from scene.headless import add_segmentation

    poor = truth.copy()
    poor[20:23] = np.roll(poor[20:23], 12, axis=2)  # three large poor slices
    first = min(k for k in range(40) if truth[k].any())
    poor[first] = np.roll(poor[first], 30, axis=1)  # a tiny one that is all wrong
    segmentation, ids = add_segmentation(app, volume, {"a": poor, "b": truth})
    review = open_review(volume, segmentation, make_pipeline()).review
    review.score_existing(2)
    rows = review.table.records()
    by_area = ranked(rows, "wrong area")
    assert {r.index for r in by_area[:3]} == {20, 21, 22}
    assert ranked(rows, "dice")[0].index == first
    assert all(r.area_mm2 >= 300 for r in ranked(rows, "dice", Filters(min_area_mm2=300)))
    assert ranked(rows, "dice", Filters(min_area_mm2=300))[0].index in {20, 21, 22}
    assert {r.segment for r in ranked(rows, filters=Filters(segments=(ids["b"],)))} == {"b"}
    assert {r.band for r in ranked(rows, filters=Filters(bands=("poor",)))} == {"poor"}
    review.decisions.accept(by_area[0].key)
    left = ranked(review.table.records(), filters=Filters(states=("open",)))
    assert by_area[0].key not in {r.key for r in left}
    assert next_open(by_area, None) == by_area[0].key, "these are the rows before the decision"
    assert next_open(by_area, by_area[0].key) == by_area[1].key
    assert before(by_area, by_area[0].key) == by_area[-1].key
    assert next_open([], None) is before([], None) is None
    now = ranked(review.table.records())
    assert next_open(now, None) == by_area[1].key, "the worst is decided"
    assert before(now, now[1].key) == by_area[0].key, "back to what was decided"
    assert next_open(left, by_area[0].key) == by_area[1].key
    assert next_open(ranked(now, filters=Filters(segments=("nobody",))), None) is None
    lying = [(r.segment, r.index) for r in ranked(rows, "slice")]
    assert lying == sorted(lying)
    with pytest.raises(ValueError, match="Unknown order"):
        ranked(rows, "beauty")

    summary = {s.scores.segment: s for s in review_summaries(review.table.records(), BandThresholds())}
    assert (summary["a"].scores.worst_run.first, summary["a"].scores.worst_run.last) == (20, 22)
    assert summary["a"].poor == 4
    assert summary["b"].poor == 0
    assert summary["b"].scores.mean_dice == 1.0
    assert summary["b"].scores.worst_run is None
    assert 0.05 < summary["a"].scores.poor_fraction < 0.3
    assert summary["a"].reviewed == 1
    assert counts(review.table.records()).startswith(f"1 of {len(rows)} reviewed, 4 poor")
