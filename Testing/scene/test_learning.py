"""A review that learns from its corrections, is undone, saved, loaded and goes on."""

from __future__ import annotations

import json

import numpy as np
import pytest

from evanyseg.adaptation.store import ACCEPTED, CORRECTED, ReferenceStore
from evanyseg.quality.builtin import BuiltinEstimator
from EvanySegSlicerLib.presenters.learning.versions import in_charge, learned_files, read_steps, text_of
from EvanySegSlicerLib.scene.headless.boot import boot
from EvanySegSlicerLib.scene.review.evidence import ACCEPTED_WEIGHT, RESCORED_WEIGHT, gather
from scene.learner import SLICES, Review, builtin, person

__all__ = ["builtin", "person"]  # fixtures


def test_a_review_learns_is_undone_saved_loaded_and_goes_on(person, builtin, tmp_path):
    before = person.rows
    assert person.learning.line() == ""
    for index in range(8):
        person.correct(index)
    rest = range(8, SLICES)
    assert person.learning.line() == "8 corrected slices of 1 volume; nothing is learned from them"
    person.segmenting.rescore()
    person.run()
    assert person.learning.line().startswith("8 corrected slices of 1 volume: their scores were 0.")
    person.learn()
    learned = person.rows
    name = learned[9].estimator
    assert name.startswith("adapted (liver, 8 corrected, ")
    assert {row.estimator for row in learned.values()} == {name}
    assert person.error(learned, rest) < 0.7 * person.error(before, rest)
    assert person.view.last.startswith(f"Scored with {name}.")
    assert person.learning.line().startswith("8 corrected slices of 1 volume: error on them 0.")
    assert "(built-in: 0." in person.learning.line()
    assert learned[0].decision == "accepted", "decisions stay"

    path = tmp_path / "tomorrow.mrb"
    person.app.save_mrb(path)
    other = boot(tmp_path / "other cache")
    other.load_mrb(path)
    again = Review(builtin, tmp_path / "references", app=other)
    assert again.learning.line() == person.learning.line()
    again.correct(8, accept=False)
    again.segmenting.rescore()
    again.run()
    assert again.rows[8].estimator == name, "what was learned is in charge after loading"
    assert again.learning.line().endswith("; 1 more since")
    again.learn()
    assert "9 corrected" in again.rows[9].estimator

    again.learning.undo()
    again.run()
    assert again.rows[9] == learned[9] or again.rows[9].dice == learned[9].dice
    assert again.rows[9].estimator == name
    again.learning.undo()
    again.run()
    rows = again.rows
    assert {row.estimator for row in rows.values()} == {"builtin"}
    assert [rows[i].dice for i in rest if i != 8] == [before[i].dice for i in rest if i != 8]
    assert rows[0].decision == "accepted"
    assert not again.learning.can_undo
    again.learning.undo()
    assert again.view.last == "Nothing was learned in this scene."
    again.close()


def test_undo_needs_no_inference(person, builtin, monkeypatch):
    for index in range(6):
        person.correct(index)
    person.segmenting.rescore()
    person.run()
    before = {i: (r.dice, r.low, r.high, r.band) for i, r in person.rows.items()}
    person.learn()
    assert {i: r.dice for i, r in person.rows.items()} != {i: v[0] for i, v in before.items()}
    monkeypatch.setattr(BuiltinEstimator, "measure_cases", None)
    person.learning.undo()
    person.run()
    assert {i: (r.dice, r.low, r.high, r.band) for i, r in person.rows.items()} == before


def test_another_volume_profits_and_one_reviews_report_names_the_estimator(person, builtin, tmp_path):
    for index in range(8):
        person.correct(index)
    person.learn()
    second = Review(builtin, tmp_path / "references", seed=7)
    assert second.learning.line().startswith("8 corrected slices of 1 volume")
    second.correct(0)
    assert second.learning.line().startswith("9 corrected slices of 2 volumes")
    second.learn()
    assert "9 corrected" in second.rows[5].estimator
    second.reviewing.export_html(tmp_path / "report.html")
    assert second.rows[5].estimator in (tmp_path / "report.html").read_text(encoding="utf-8")
    second.close()


def test_what_counts_as_truth(person):
    person.correct(0)
    person.correct(1, accept=False)  # stale, nobody has said anything about it
    person.correct(2, accept=False)
    person.review.apply(person.review.jobs.score(2, only=[(person.segment, 2, 2, "")]).run())
    person.accept(3)
    person.correct(4)
    person.reviewing.flag()  # no: it needs work still
    evidence, none = gather(person.review.corrections, person.review.table.records(), person.review.thresholds)
    by_index = {key[2]: e for key, e in evidence.items()}
    assert sorted(by_index) == [0, 2, 3]
    assert [by_index[i].place.kind for i in (0, 2, 3)] == [CORRECTED, CORRECTED, ACCEPTED]
    assert [by_index[i].weight for i in (0, 2, 3)] == [1.0, RESCORED_WEIGHT, ACCEPTED_WEIGHT]
    assert len(none) == SLICES - 3
    volume = person.review.reader.snapshot()
    plane = person.review.reader.plane(2, 0)
    reference = by_index[0].reference(volume)
    np.testing.assert_array_equal(reference.truth, plane.take(person.truth))
    np.testing.assert_array_equal(reference.predictions[0], plane.take(person.masks))
    accepted = by_index[3].reference(volume)
    assert accepted.truth is None
    assert accepted.graded[0].dice == pytest.approx(0.95), "a person found it good, whatever its score said"
    assert accepted.weight == ACCEPTED_WEIGHT


def test_a_correction_edited_again_is_no_truth_until_it_is_decided_again(person):
    person.correct(0)
    plane = person.review.reader.plane(2, 0)
    half = plane.take(person.truth).copy()
    half[:48] = False
    person.review.store.write(person.segment, plane, half)
    person.review.refresh()
    evidence, _ = gather(person.review.corrections, person.review.table.records(), person.review.thresholds)
    assert evidence == {}


def test_evidence_that_is_taken_back_leaves_the_folder(person):
    for index in range(4):
        person.correct(index)
    person.accept(9)
    person.learn()
    store = person.controller.references
    kinds = [p.kind for p in store.places("liver")]
    assert sorted(kinds) == [ACCEPTED] + [CORRECTED] * 4
    person.accept(9)  # again: takes it back
    person.correct(9)
    person.reviewing.go((person.segment, 2, 0, ""))
    person.reviewing.flag()
    person.learn()
    assert [p.kind for p in store.places("liver")] == [CORRECTED] * 4, "one came, one went, one changed its kind"


def test_refusals_are_sentences(person, monkeypatch):
    person.learning.learn()
    assert "Correct a scored slice first" in person.view.problems[-1]
    person.correct(0)
    person.node.set("estimator", "other")
    person.learning.learn()
    assert "choose it in Models first" in person.view.problems[-1]
    person.node.set("estimator", "builtin")
    from evanyseg import device

    monkeypatch.setattr(device, "_installed", lambda module: module != "sklearn")
    person.learning.learn()
    assert "scikit-learn, which is not installed" in person.view.problems[-1]
    assert not person.controller.busy


def test_one_correction_is_kept_and_the_builtin_estimator_stays(person):
    before = person.rows[9]
    person.correct(0)
    person.learn()
    assert "do not help yet: the built-in estimator stays" in person.view.last
    assert person.rows[9] == before
    assert not person.learning.can_undo
    assert len(person.controller.references.places("liver")) == 1


def test_cancel_changes_no_score(person):
    for index in range(4):
        person.correct(index)
    before = person.rows
    person.learning.learn()
    person.controller.cancel()
    person.run()
    assert person.view.last == "Cancelled; nothing was changed."
    assert person.rows == before


def test_it_learns_by_itself_after_every_so_many_only_if_wanted(person):
    for index in range(4):
        person.correct(index)
        person.run()
    assert not person.learning.can_undo
    person.node.set("learn_every", 6)
    for index in range(4, 6):
        assert not person.controller.busy
        person.correct(index)
    assert person.controller.busy, "the sixth"
    person.run()
    assert "6 corrected" in person.rows[9].estimator
    person.correct(6)
    person.run()
    assert "6 corrected" in person.rows[9].estimator, "not again before six more"


def test_a_scene_without_its_files_says_so_and_scores_with_the_builtin_estimator(person, builtin):
    for index in range(6):
        person.correct(index)
    person.learn()
    for path in person.controller.references.folder_of("liver").glob("learned-*"):
        path.write_bytes(b"damaged")
    person.controller.forget_models()
    person.correct(9, accept=False)
    person.segmenting.rescore()
    person.run()
    assert person.rows[9].estimator == "builtin"
    assert "cannot be used, the built-in estimator is in charge" in person.learning.line()


def test_a_scene_names_no_file_outside_the_folder(tmp_path):
    version = {"name": "x", "corrected": 1, "volumes": 1, "before": 0.1, "after": 0.1}
    text = json.dumps([{"liver": {**version, "file": "../../evil.safetensors"}}])
    assert learned_files(text, ReferenceStore(tmp_path)) == {}
    for damaged in ("{", "3", "[3]", '[{"liver": 3}]', '[{"liver": {"name": "x"}}]'):
        assert read_steps(damaged) == []
    steps = read_steps(json.dumps([{"liver": {**version, "file": "a.safetensors"}}]))
    assert in_charge(text_of(steps))["liver"].file == "a.safetensors"
