"""`evanyseg assess`: estimators measured on cases whose truth is known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine import files, phantom
from engine.cli_fixtures import SHAPE, E, table
from evanyseg import models
from evanyseg.metrics.assessment import Scores, assess, less_error
from evanyseg.overlap import dice
from evanyseg.protocols import never_cancel
from evanyseg.report.assessment import verdict

SUBJECTS = np.array(["a", "a", "b", "b", "c"])
TRUTH = np.array([0.9, 0.7, 0.5, 0.95, 0.6])


def scores(dice: list[float], half: float = 0.1) -> Scores:
    said = np.array(dice)
    return Scores(said, said - half, said + half, 0.9)


def test_metrics_by_hand() -> None:
    found = assess(TRUTH, scores([0.8, 0.75, 0.7, 0.9, np.nan]), SUBJECTS)
    assert (found.cases, found.unscored, found.groups) == (4, 1, 2)
    value = {name: interval.value for name, interval in found.metrics.items()}
    assert value["mae"] == pytest.approx((0.1 + 0.05 + 0.2 + 0.05) / 4)
    assert value["bias"] == pytest.approx((-0.1 + 0.05 + 0.2 - 0.05) / 4)
    assert value["auroc<.8"] == 1.0
    assert value["spearman"] == pytest.approx(1.0)
    assert value["coverage"] == 0.75
    assert value["interval_width"] == pytest.approx(0.2)
    assert value["sd_true_dice"] == pytest.approx(TRUTH[:4].std())
    mae = found.metrics["mae"]
    assert (mae.low, mae.high) == (pytest.approx(0.075), pytest.approx(0.125))  # subject a twice, subject b twice


def test_one_subject_has_no_interval_and_nothing_scored_is_nan() -> None:
    alone = assess(TRUTH, scores([0.8, 0.75, 0.7, 0.9, 0.5]), np.full(5, "a"))
    assert alone.metrics["mae"].value > 0
    assert np.isnan(alone.metrics["mae"].low)
    nothing = assess(TRUTH, scores([np.nan] * 5), SUBJECTS)
    assert (nothing.cases, nothing.unscored) == (0, 5)
    assert all(np.isnan(i.value) for i in nothing.metrics.values())


def test_a_difference_is_of_the_cases_that_both_scored() -> None:
    near, far = scores([0.9, 0.7, np.nan, 0.95, 0.6]), scores([0.8, 0.6, 0.5, 0.85, np.nan])
    value, count = less_error(TRUTH, near, far, SUBJECTS)
    assert (value.value, count) == (pytest.approx(0.1), 3)
    assert verdict(value) == "The error is larger."
    assert verdict(less_error(TRUTH, far, near, SUBJECTS)[0]) == "The error is smaller."
    assert "few subjects" in verdict(less_error(TRUTH, near, far, np.full(5, "a"))[0])


@pytest.fixture
def labeled(tmp_path: Path) -> Path:
    """Three 2D images with a right, a shifted and an empty mask, a volume, and a row without truth."""
    lines = ["image,mask,gold,subject"]
    for n in range(3):
        pixels, truth = phantom.picture()
        files.write_image_2d(tmp_path / f"i{n}.png", np.roll(pixels, n, 1))
        truth = np.roll(truth, n, 1)
        made = {"t": truth, "p": np.roll(truth, 4, 0), "e": np.zeros_like(truth)}
        for name, mask in made.items():
            files.write_image_2d(tmp_path / f"{name}{n}.png", mask.astype(np.uint8) * 255)
            lines.append(f"i{n}.png,{name}{n}.png,t{n}.png,s{n}")
    ball = phantom.ball(SHAPE).astype(np.uint8)
    files.write_volume(tmp_path / "v.nii.gz", phantom.volume(SHAPE))
    files.write_volume(tmp_path / "vt.nii.gz", phantom.volume(SHAPE), ball)
    files.write_volume(tmp_path / "vm.nii.gz", phantom.volume(SHAPE), np.roll(ball, 3, 2))
    lines += ["v.nii.gz,vm.nii.gz,vt.nii.gz,s9", "i0.png,p0.png,,s0"]
    (tmp_path / "pairs.csv").write_text("\n".join(lines))
    return tmp_path


def test_images_and_volumes_with_all_that_is_left_out_told(evanyseg, labeled: Path) -> None:
    report, out = labeled / "r.html", labeled / "cases.csv"
    arguments = ("assess", labeled / "pairs.csv", "--truth-column", "gold", "--slices", 3, *E)
    code, text, err = evanyseg(*arguments, "--report", report, "-o", out, "--json")
    assert code == 0, err
    found = json.loads(text)
    assert (found["rows"], found["cases"], found["without_truth"], found["failed"]) == (11, 12, 1, 0)
    one = found["estimators"][0]
    assert (one["cases"], one["unscored"], one["subjects"]) == (9, 3, 4)  # an empty mask without a box is unscored
    assert one["metrics"]["pearson"]["value"] > 0.9
    assert one["metrics"]["mae"]["low"] <= one["metrics"]["mae"]["value"] <= one["metrics"]["mae"]["high"]
    rows = table(out)
    assert len(rows) == 12
    ball = phantom.ball(SHAPE)
    for row in rows[-3:]:
        k = int(row["slice"])
        assert float(row["true_dice"]) == pytest.approx(dice(ball[k], np.roll(ball, 3, 2)[k]), abs=1e-4)
    assert [r["pred_dice"] for r in rows if r["image"] == "i0.png"][2] == ""
    page = report.read_text()
    assert "rows without a truth: 1" in page
    assert page.count("<svg") == 2
    assert "http" not in page.replace("http-equiv", "")


def test_what_reading_the_files_cost_is_told_with_the_case(evanyseg, labeled: Path) -> None:
    exif = Image.Exif()
    exif[274] = 3
    with Image.open(labeled / "i0.png") as picture:
        picture.transpose(Image.Transpose.ROTATE_180).save(labeled / "turned.png", exif=exif)
    ball = phantom.volume(SHAPE)
    coarse = replace(ball, spacing=(2.0, *ball.spacing[1:]), array=ball.array[..., ::2])
    files.write_volume(labeled / "coarse.nii.gz", coarse, phantom.ball(SHAPE)[..., ::2].astype(np.uint8))
    rows = ["image,mask,gold", "turned.png,t0.png,t0.png", "v.nii.gz,coarse.nii.gz,vt.nii.gz",
            "v.nii.gz,vt.nii.gz,coarse.nii.gz"]  # fmt: skip
    (labeled / "odd.csv").write_text("\n".join(rows))
    arguments = ("assess", labeled / "odd.csv", "--truth-column", "gold", "--slices", 1, *E, "-o", labeled / "o.csv")
    code, _, err = evanyseg(*arguments)
    assert code == 0, err
    assert "Note, row 2: turned.png was turned upright" in " ".join(err.split())
    said = [row["caveats"] for row in table(labeled / "o.csv")]
    assert said[0] == ""
    assert "mask resampled" in said[1]
    assert "truth: mask resampled" in said[2]
    notes = json.loads(evanyseg(*arguments, "--json")[1])["remarks"]
    assert [note["row"] for note in notes] == [2]


def test_a_row_that_fails_is_said_and_the_others_count(evanyseg, labeled: Path) -> None:
    with (labeled / "pairs.csv").open("a") as file:
        file.write("\nmissing.png,p0.png,t0.png,s0")
    code, text, err = evanyseg("assess", labeled / "pairs.csv", "--truth-column", "gold", *E, "--json")
    assert code == 1
    assert "row 13" in err
    assert "missing.png" in err
    assert json.loads(text)["failed"] == 1


def test_two_estimators_are_compared(evanyseg, labeled: Path, monkeypatch) -> None:
    from doubles import BrightEstimator

    class Lower(BrightEstimator):
        name = "lower"

        def estimate_cases(self, cases, maps=False, should_cancel=never_cancel):
            from dataclasses import replace

            for e in super().estimate_cases(cases, maps, should_cancel):
                yield replace(e, dice=e.dice * 0.5) if e.scored else e

    monkeypatch.setitem(models.estimators._own, "lower", models.ModelSpec("lower", "", lambda s, p, d: Lower()))
    arguments = ("assess", labeled / "pairs.csv", "--truth-column", "gold", *E, "--estimator", "lower")
    code, out, err = evanyseg(*arguments)
    assert code == 0, err
    assert "lower" in out
    assert "The error is larger" in " ".join(err.split())


def test_what_cannot_be_assessed_is_said(evanyseg, labeled: Path) -> None:
    code, _, err = evanyseg("assess", labeled / "pairs.csv", *E)
    assert code == 2
    assert "truth" in err
    (labeled / "none.csv").write_text("image,mask,truth\ni0.png,p0.png,\n")
    code, _, err = evanyseg("assess", labeled / "none.csv", *E)
    assert code == 2
    assert "None of the 1 rows of none.csv can be used; 1 have no truth." in " ".join(err.split())
    code, _, err = evanyseg("assess", labeled / "pairs.csv", "--truth-column", "gold", "--report", "r.pdf", *E)
    assert code == 2
