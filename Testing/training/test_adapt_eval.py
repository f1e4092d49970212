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
from evanyseg.adaptation.fit import AdaptationOptions
from evanyseg.adaptation.learner import LearnerOptions
from evanyseg.quality.builtin import load
from evanyseg_training.cli import app
from evanyseg_training.data.readers import read
from evanyseg_training.errors import DataError
from evanyseg_training.experiments.adaptation.measuring import OTHER, PREDICTED, SYNTHETIC, TRUTH, MeasuredSet
from evanyseg_training.experiments.adaptation.run import RunOptions, measured
from evanyseg_training.experiments.adaptation.trials import PREDICTED_TASK, TRUTHS_TASK, candidates, trial


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
        return type("Candidates", (), {"masks": masks})()


@pytest.fixture(scope="module")
def data(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> MeasuredSet:
    folder = tmp_path_factory.mktemp("measured")
    options = RunOptions(synthetic=4)
    records = list(read("index", collection))
    (found,) = measured(records, ["ours"], folder, load(), WholeBox(), options, lambda text: None)
    again = measured(records, ["ours"], folder, None, None, options)[0]  # from the file: no model is needed
    assert np.array_equal(again.absolute, found.absolute)
    return found


def test_every_object_has_masks_of_every_kind_with_their_true_dice(data: MeasuredSet) -> None:
    assert len(np.unique(data.subject)) == 14
    for kind, most in ((TRUTH, 1), (SYNTHETIC, 4), (PREDICTED, 1), (OTHER, 10)):
        counts = np.bincount(data.object[data.kind == kind], minlength=14)
        assert 1 <= counts.min() <= counts.max() <= most
    assert (data.dice[data.kind == TRUTH] == 1).all()


def test_subjects_are_never_on_both_sides_and_weights_are_the_engines(data: MeasuredSet) -> None:
    options = AdaptationOptions(learner=LearnerOptions(trees=10))
    made = trial(data, PREDICTED_TASK, [3, 5, 7], load(), options)
    assert not {3, 5, 7} & set(data.subject[made.rows])
    assert len(made.rows) == 11
    assert set(made.answers) >= {"built-in", "adapted", "mean of the references", "boosting on shape"}
    some = candidates(data, PREDICTED_TASK, [3, 5], options)
    assert sum(c.weight for c in some) == pytest.approx(2)
    assert sum(c.weight for c in some if c.own) == pytest.approx(2 * options.candidates.prediction_share)
    assert not any(c.own for c in candidates(data, TRUTHS_TASK, [3], options))


def test_the_command_writes_tables_and_records_the_look(collection: Path, tmp_path: Path, data, monkeypatch) -> None:
    data.save(tmp_path / "out/measured/ours.npz")
    arguments = ["adapt-eval", str(collection), "-o", str(tmp_path / "out"), "--sets", "ours", "--counts", "2",
                 "--draws", "1"]  # fmt: skip
    refused = CliRunner().invoke(app, arguments)
    assert "evaluate-only" in str(refused.exception)
    done = CliRunner().invoke(app, [*arguments, "--reason", "a test", "--log", str(tmp_path / "runs.md")])
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "out/figures.csv")
    assert set(table.references) == {2}
    assert set(table.method) >= {"built-in", "adapted", "built-in, isotonic"}
    assert "| adapt-eval," in (tmp_path / "runs.md").read_text()
    assert "Learning from corrected cases" in (tmp_path / "out/adaptation.md").read_text()


def test_sets_of_the_second_list_are_refused(collection: Path, tmp_path: Path) -> None:
    records = list(read("index", collection))
    with pytest.raises(DataError, match="bmseg_ct: sets of the second held-out list"):
        measured(records, ["bmseg_ct"], tmp_path, None, None, RunOptions())
    with pytest.raises(DataError, match="no sets nothing"):
        measured(records, ["nothing"], tmp_path, None, None, RunOptions())
