"""`evanyseg-train adapt-eval` on a generated collection: subjects apart, baselines beside, a look recorded."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from engine.test_adaptation import example
from evanyseg.adaptation.candidates import CandidateOptions
from evanyseg.adaptation.features import COUNT
from evanyseg.adaptation.fit import AdaptationOptions
from evanyseg.adaptation.learner.regression import LearnerOptions
from evanyseg.adaptation.learner.scale import Scale
from evanyseg.quality.builtin import load
from evanyseg_training.cli import app
from evanyseg_training.data.readers import read
from evanyseg_training.errors import DataError
from evanyseg_training.experiments.adaptation.learners import BLENDS, LEARNERS, compared, learners_text
from evanyseg_training.experiments.adaptation.measuring import (
    OTHER,
    PREDICTED,
    SYNTHETIC,
    TRUTH,
    MeasuredSet,
    Measuring,
)
from evanyseg_training.experiments.adaptation.reverse import reverse_dice
from evanyseg_training.experiments.adaptation.review import ORDERS, natural_rows, reviewed, taught
from evanyseg_training.experiments.adaptation.ridge import fit_line
from evanyseg_training.experiments.adaptation.run import measured
from evanyseg_training.experiments.adaptation.selection import BY_REFERENCES, selection_table
from evanyseg_training.experiments.adaptation.trials import (
    DRAWN_TASK,
    PREDICTED_TASK,
    candidates,
    like_waiting,
    trial,
)


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fourteen people with one image and one network's mask each, and a set that nobody may look at."""
    folder = tmp_path_factory.mktemp("data")
    columns = ["set", "source", "use", "subject", "image", "mask", "mask_value", "prediction", "prediction_source"]
    with (folder / "index.csv").open("w", newline="") as out:
        rows = csv.DictWriter(out, columns)
        rows.writeheader()
        for n in range(14):
            image, truth, prediction = example(n)
            names = {"image": f"i{n}.png", "mask": f"t{n}.png", "prediction": f"p{n}.png"}
            Image.fromarray(image).save(folder / names["image"])
            for name, mask in ((names["mask"], truth), (names["prediction"], prediction)):
                Image.fromarray(mask.astype(np.uint8)).save(folder / name)
            rows.writerow({"set": "ours", "source": "ours", "use": "evaluate-only", "subject": f"s{n}", "mask_value": 1,
                           "prediction_source": "a network", **names})  # fmt: skip
        rows.writerow(
            {"set": "bmseg_ct", "source": "b", "use": "evaluate-only", "subject": "x", "mask_value": 1, **names}
        )
    return folder


class WholeBox:
    """A segmenter double: the box and a half of it."""

    name, device, supports_points, supports_boxes = "box", "cpu", False, True

    def embed(self, image, should_cancel=lambda: False):
        return image

    def segment(self, embedding, box=None, points=(), mask_input=None, should_cancel=lambda: False):
        masks = np.zeros((2, *embedding.shape[:2]), bool)
        rows, cols = slice(int(box.y0), int(box.y1)), slice(int(box.x0), int(box.x1))
        masks[0, rows, cols] = masks[1, rows, cols.start : (cols.start + cols.stop) // 2] = True
        return type("Candidates", (), {"masks": masks, "predicted_iou": np.array([0.4, 0.9])})()


@pytest.fixture(scope="module")
def data(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> MeasuredSet:
    folder = tmp_path_factory.mktemp("measured")
    records = list(read("index", collection))
    measuring = Measuring(load(), WholeBox(), synthetic=4)
    (found,) = measured(records, ["ours"], folder, measuring, lambda text: None)
    again = measured(records, ["ours"], folder, None)[0]  # from the file: no model is needed
    assert np.array_equal(again.absolute, found.absolute)
    return found


def test_every_object_has_masks_of_every_kind_with_their_true_dice(data: MeasuredSet) -> None:
    assert len(np.unique(data.subject)) == 14
    for kind, most in ((TRUTH, 1), (SYNTHETIC, 4 + 3), (PREDICTED, 1), (OTHER, 10)):
        assert data.flat[data.kind == kind].all() == (kind in (PREDICTED, OTHER))
        counts = np.bincount(data.object[data.kind == kind], minlength=14)
        assert 1 <= counts.min() <= counts.max() <= most
    assert (data.dice[data.kind == TRUTH] == 1).all()
    assert set(data.method[data.chosen]) == {"head 1"}  # the head that the segmenter thinks best of
    assert data.first.all()
    inside = data.mask(np.flatnonzero(data.kind == TRUTH)).mean(axis=(1, 2))
    assert ((inside > 0.05) & (inside < 0.3)).all()  # an ellipse in twice its box: pi / 16


def test_subjects_are_never_on_both_sides_and_weights_are_the_engines(data: MeasuredSet) -> None:
    options = AdaptationOptions(learner=LearnerOptions(trees=10))
    made = trial(data, PREDICTED_TASK, [3, 5, 7], load(), options)
    assert not {3, 5, 7} & set(data.subject[made.rows])
    assert len(made.rows) == 11
    assert set(made.answers) >= {"built-in", "adapted", "mean of the references", "boosting on shape"}
    some = candidates(data, PREDICTED_TASK.rows(data), [3, 5], options)
    assert sum(c.weight for c in some) == pytest.approx(2)
    assert sum(c.weight for c in some if c.own) == pytest.approx(2 * options.candidates.prediction_share)
    assert not any(c.own for c in candidates(data, np.zeros(len(data.dice), bool), [3], options))
    weighted = like_waiting(some, np.array([some[0].predicted]))
    assert sum(c.weight for c in weighted) == pytest.approx(2)


def test_a_review_opens_the_worst_first(data: MeasuredSet) -> None:
    chosen = PREDICTED_TASK.references(data, 4, 0)
    assert chosen == PREDICTED_TASK.references(data, 8, 0)[:4]
    said = {int(data.subject[r]): float(data.predicted[r]) for r in np.flatnonzero(data.kind == PREDICTED)}
    assert [said[s] for s in chosen] == sorted(said[s] for s in chosen)
    drawn = DRAWN_TASK.references(data, 14, 0)
    assert sorted(drawn) == list(range(14))


def test_reviews_are_simulated_with_what_was_opened_alone(data: MeasuredSet) -> None:
    options = AdaptationOptions(learner=LearnerOptions(trees=10))
    found = {one.order: one for one in reviewed(data, load(), options)}
    assert set(found) == set(ORDERS)
    assert found["perfect"].opened == int(np.ceil(0.9 * found["perfect"].poor))
    assert all(found["perfect"].opened <= one.opened <= 14 for one in found.values())
    rows = natural_rows(data)
    assert len(rows) == 14
    seen = rows[np.argsort(data.dice[rows])][::2]
    known, band = (taught(data, rows, seen, kind, load(), options) for kind in ("its Dice known", "left out"))
    assert known.dice.shape == band.dice.shape == (14,)


def test_selection_is_between_the_best_single_candidate_and_the_oracle(data: MeasuredSet) -> None:
    options = AdaptationOptions(learner=LearnerOptions(trees=10))
    table = selection_table([data], load(), options, count=4)
    assert set(table.method) == {"built-in", "adapted", BY_REFERENCES}
    constant = table[table.method == BY_REFERENCES]
    assert (constant.dice <= constant.single + 1e-9).all(), "one candidate for all: never better than the best such one"
    assert (table.dice <= table.oracle + 1e-9).all()
    assert (table.single <= table.oracle).all()


def test_learners_are_compared_on_the_same_references(data: MeasuredSet) -> None:
    table = compared([data], [2], 1, AdaptationOptions(CandidateOptions(synthetic=4)))
    assert set(table.learner) == {"built-in", *LEARNERS, *BLENDS}
    assert table.mae.between(0, 1).all()
    assert "ridge of the error" in learners_text(table)


def test_the_line_leaves_the_builtin_answer_where_there_is_no_evidence_and_finds_a_slope() -> None:
    scale = Scale(np.zeros(COUNT), np.ones(COUNT))
    rng = np.random.default_rng(2)
    x = rng.normal(0, 1, (60, COUNT))
    builtin = np.full(60, 0.5)
    group = np.repeat(np.arange(10), 6)
    same = fit_line(x, builtin, builtin, np.ones(60), group, scale)
    assert same.predict(x, builtin) == pytest.approx(builtin)
    truth = builtin + 0.1 * x[:, 3]
    line = fit_line(x, truth, builtin, np.ones(60), group, scale)
    fresh = rng.normal(0, 1, (50, COUNT))
    said = line.predict(fresh, np.full(50, 0.5))
    assert np.corrcoef(said, fresh[:, 3])[0, 1] > 0.8


def test_reverse_classification_takes_the_best_dice_with_a_reference(data: MeasuredSet) -> None:
    """An engine that hands masks on as they are: the Dice with the reference whose truth is most alike."""

    class Same:
        name = "same"

        def describe(self, pixels, *more):
            return pixels

        def taught(self, support, targets, *more):
            return lambda masks: np.repeat(masks, len(targets), axis=0)

    rows = np.flatnonzero((data.subject == 0) & np.isin(data.kind, (TRUTH, SYNTHETIC)))
    found = reverse_dice(data, rows, [1, 2, 3], Same())
    truth = data.mask(rows[data.kind[rows] == TRUTH])[0]
    others = data.mask(np.flatnonzero((data.kind == TRUTH) & np.isin(data.subject, [1, 2, 3])))
    by_hand = max(2 * (truth & o).sum() / (truth.sum() + o.sum()) for o in others)
    assert found[data.kind[rows] == TRUTH][0] == pytest.approx(by_hand)
    assert ((found > 0) & (found < 1)).all()


def test_the_command_writes_tables_and_records_the_look(collection: Path, tmp_path: Path, data, monkeypatch) -> None:
    data.save(tmp_path / "out/measured/ours.npz")
    arguments = ["adapt-eval", str(collection), "-o", str(tmp_path / "out"), "--sets", "ours", "--counts", "0,2",
                 "--draws", "1", "--flat-draws", "1", "--further"]  # fmt: skip
    refused = CliRunner().invoke(app, arguments)
    assert "evaluate-only" in str(refused.exception)
    done = CliRunner().invoke(app, [*arguments, "--reason", "a test", "--log", str(tmp_path / "runs.md")])
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "out/figures.csv")
    assert set(table.references) == {0, 2}
    assert set(table[table.references == 0].method) == {"built-in"}
    assert set(table.method) >= {"built-in", "adapted", "built-in, isotonic"}
    assert "| adapt-eval," in (tmp_path / "runs.md").read_text()
    text = (tmp_path / "out/adaptation.md").read_text()
    for heading in (
        "# Learning from corrected cases",
        "## A simulated review",
        "## What half a review",
        "## Selection",
    ):
        assert heading in text


def test_nothing_is_chosen_on_evaluate_only_sets(collection: Path, tmp_path: Path) -> None:
    refused = CliRunner().invoke(app, ["adapt-learners", str(collection), "-o", str(tmp_path), "--sets", "ours"])
    assert "nothing is chosen on evaluate-only sets" in str(refused.exception)


def test_sets_of_the_second_list_are_refused(collection: Path, tmp_path: Path) -> None:
    records = list(read("index", collection))
    with pytest.raises(DataError, match="bmseg_ct: sets of the second held-out list"):
        measured(records, ["bmseg_ct"], tmp_path, None)
    with pytest.raises(DataError, match="no sets nothing"):
        measured(records, ["nothing"], tmp_path, None)
