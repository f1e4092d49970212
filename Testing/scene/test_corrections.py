"""Corrected slices: the mask before a correction is kept, with who decided and when; a model's new answer is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from doubles import make_pipeline
from doubles.truth import KnownTruthEstimator
from evanyseg.overlap import dice
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.prompts import BoxPrompt
from EvanySegSlicerLib.scene.nodes.session_node import SessionNode
from EvanySegSlicerLib.scene.review.decisions import DecisionLog
from EvanySegSlicerLib.scene.review.open_review import open_review
from EvanySegSlicerLib.scene.table.exports import csv_text, report_rows
from EvanySegSlicerLib.scene.table.mask_archive import ROLE, MaskArchive
from EvanySegSlicerLib.scene.table.records import ScoreRecord
from EvanySegSlicerLib.scene.table.score_table import HISTORY_LENGTH, SCORES_OF_CONTENT, ScoreTable
from scene.headless import inner_box

SMALL = BoxPrompt(20, 15, 40, 35)


@pytest.fixture
def plane(review):
    return review.reader.plane(2, 20)


def key_of(liver):
    return (liver, 2, 20, "")


def edited(review, liver, plane, truth):
    """The whole truth painted by hand where a box gave part of it: (mask before, mask now)."""
    review.segment_box(liver, plane, SMALL)
    before = review.store.mask(liver, plane).copy()
    review.store.write(liver, plane, plane.take(truth))
    review.refresh()
    return before, plane.take(truth)


def test_scored_again_after_an_edit_it_is_a_correction_of_the_mask_before(review, liver, plane, truth):
    before, now = edited(review, liver, plane, truth)
    assert review.table.get(key_of(liver)).state == "stale"
    review.apply(review.jobs.rescore(2).run())
    row = review.table.get(key_of(liver))
    assert row.prior_dice == pytest.approx(dice(before, now), abs=1e-5)
    np.testing.assert_array_equal(review.corrections.masks.get(row.corrected_from), before)
    more = now.copy()
    more[25] = False
    review.store.write(liver, plane, more)
    review.refresh()
    review.apply(review.jobs.rescore(2).run())
    again = review.table.get(key_of(liver))
    assert again.corrected_from == row.corrected_from, "the mask that was scored first, not the half-way one"
    assert again.prior_dice == pytest.approx(dice(before, more), abs=1e-5)


def test_a_models_new_answer_and_an_edit_taken_back_are_no_corrections(review, liver, plane, truth):
    review.segment_box(liver, plane, inner_box(plane))
    review.segment_box(liver, plane, SMALL)
    assert review.table.get(key_of(liver)).corrected_from == ""
    before, _ = edited(review, liver, plane, truth)
    review.apply(review.jobs.rescore(2).run())
    review.store.write(liver, plane, before)
    review.refresh()
    row = review.table.get(key_of(liver))
    assert (row.stale, row.corrected_from) == (0, "")


def test_an_edited_slice_accepted_before_it_is_scored_again_stays_accepted(review, liver, plane, truth):
    edited(review, liver, plane, truth)
    review.decisions.reviewer = "Ann"
    review.decisions.accept(key_of(liver))
    row = review.table.get(key_of(liver))
    assert row.decided_hash == review.corrections.content(key_of(liver)) != row.content_hash
    review.apply(review.jobs.rescore(2).run())
    row = review.table.get(key_of(liver))
    assert (row.decision, row.reviewer, row.decided_hash) == ("accepted", "Ann", row.content_hash)
    assert row.corrected_from
    wrong = plane.take(truth).copy()
    wrong[:25] = False
    review.store.write(liver, plane, wrong)
    review.refresh()
    review.apply(review.jobs.rescore(2).run())
    assert review.table.get(key_of(liver)).decision == "", "another content: nobody decided on it"


def test_a_decision_on_an_edit_goes_with_the_edit(review, liver, plane, truth):
    before, _ = edited(review, liver, plane, truth)
    review.decisions.accept(key_of(liver))
    review.store.write(liver, plane, before)
    review.refresh()
    row = review.table.get(key_of(liver))
    assert (row.stale, row.decision, row.decided) == (0, "", "")


def test_a_decision_says_who_and_when_in_table_report_and_undo(review, liver, plane):
    review.segment_box(liver, plane, inner_box(plane))
    log = DecisionLog(review.table, review.corrections.content, lambda: datetime(2025, 3, 4, 5, 6, 7, 8, UTC))
    log.accept(key_of(liver))
    log.reviewer = 'Bea "B"'
    log.flag(key_of(liver))
    row = review.table.get(key_of(liver))
    assert (row.reviewer, row.decided) == ("Bea 'B'", "2025-03-04T05:06:07+00:00")
    assert "flagged,,Bea 'B',2025-03-04T05:06:07+00:00" in csv_text([row])
    assert report_rows([row], lambda row: 1.0)[0].note == "flagged by Bea 'B'"
    log.undo()
    assert (review.table.get(key_of(liver)).decision, review.table.get(key_of(liver)).reviewer) == ("accepted", "")


def test_masks_and_corrections_survive_save_and_load(app, review, liver, plane, truth, tmp_path):
    from EvanySegSlicerLib.scene.headless.boot import boot

    before, _ = edited(review, liver, plane, truth)
    review.apply(review.jobs.rescore(2).run())
    review.decisions.reviewer = "Ann"
    review.decisions.accept(key_of(liver))
    row = review.table.get(key_of(liver))
    app.save_mrb(tmp_path / "review.mrb")
    other = boot(tmp_path / "other cache")
    other.load_mrb(tmp_path / "review.mrb")
    node = SessionNode.of_scene(other.scene).node
    again = open_review(node.GetNodeReference("volume"), node.GetNodeReference("segmentation"), make_pipeline()).review
    assert repr(again.table.get(key_of(liver))) == repr(row)
    np.testing.assert_array_equal(again.corrections.masks.get(row.corrected_from), before)
    again.store.write(liver, again.reader.plane(2, 20), before)
    again.refresh()
    assert again.table.get(key_of(liver)).corrected_from == ""
    other.close()


def test_masks_come_back_exactly_and_damage_is_none(app):
    table = ScoreTable.create(app.scene)
    archive = MaskArchive(table.node)
    rng = np.random.default_rng(0)
    masks = {f"00{n}": rng.random((7 + n, 13)) < 0.1 * n for n in range(5)}  # the first is empty
    archive.put(masks)
    archive.put({"000": ~masks["000"]})
    fresh = MaskArchive(table.node)
    for content, mask in masks.items():
        np.testing.assert_array_equal(fresh.get(content), mask)
    column = table.node.GetNodeReference(ROLE).GetTable().GetColumnByName("mask")
    column.SetValue(2, column.GetValue(2)[:-6])
    column.SetValue(3, "003 5 5 0 9 0 9 eJw")
    table.node.GetNodeReference(ROLE).GetTable().Modified()
    assert fresh.get("002") is None
    assert fresh.get("003") is None
    fresh.keep(["001", "004"])
    assert len(fresh) == 2
    np.testing.assert_array_equal(MaskArchive(table.node).get("004"), masks["004"])


def test_scores_of_one_content_by_several_estimators_are_all_kept(app):
    table = ScoreTable.create(app.scene)
    row = ScoreRecord("a", "A", "axial", 2, 1, content_hash="one", dice=0.5, estimator="builtin")
    for number, name in enumerate(("builtin", "mine", "mine 2", "mine 3")):
        table.put(replace(row, estimator=name, dice=0.5 + number / 10))
    assert table.recall(row.key, "one", "mine").dice == 0.6
    assert table.recall(row.key, "one").estimator == "mine 3"
    assert table.recall(row.key, "one", "builtin").estimator == "mine 3", "the oldest of three gave way"
    for number in range(3 * HISTORY_LENGTH):
        table.put(replace(row, content_hash=f"content {number}"))
    assert len(table.past) <= HISTORY_LENGTH + SCORES_OF_CONTENT


def test_the_same_masks_scored_by_another_estimator_keep_decision_and_correction(review, liver, plane, truth):
    edited(review, liver, plane, truth)
    review.apply(review.jobs.rescore(2).run())
    review.decisions.accept(key_of(liver))
    row = review.table.get(key_of(liver))
    review.pipeline = SlicePipeline(KnownTruthEstimator(name="other", half_width=0.2))
    review.score_existing(2)
    again = review.table.get(key_of(liver))
    assert again.estimator == "other"
    assert (again.decision, again.corrected_from, again.prior_dice) == ("accepted", row.corrected_from, row.prior_dice)
