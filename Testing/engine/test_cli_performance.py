"""`evanyseg performance`: tables, folders of predictions, the page, and what is refused."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine import files, phantom
from engine.cli_fixtures import E, table
from engine.performance_sets import degraded, disks
from evanyseg.errors import ImageError
from evanyseg.io.formats.masks_2d import FROM_ALPHA
from evanyseg.io.tables import open_table
from evanyseg.overlap import dice
from evanyseg.performance.folders import checkpoints_in
from evanyseg.performance.reading import ReadingOptions, read_images

CHECKPOINTS = 5
R = ("--reverse", "patches")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """a.csv, b.csv, c.csv and predictions/epoch_K, as somebody's training leaves them."""
    for number, part in enumerate("abc"):
        pixels, truth = disks(8, number)
        rows = []
        for n, (image, mask) in enumerate(zip(pixels, truth, strict=True)):
            name = f"{part}{n}"
            files.write_image_2d(tmp_path / f"{name}_0000.png", image)
            large = np.kron(mask, np.ones((2, 2), bool))
            if part != "c":
                files.write_image_2d(tmp_path / f"{name}.png", large.astype(np.uint8) * 255)
            rows.append([f"{name}_0000.png", f"{name}.png" if part != "c" else ""])
            for k in range(CHECKPOINTS if part != "a" else 0):
                folder = tmp_path / "predictions" / f"epoch_{5 * k + 5}"
                folder.mkdir(parents=True, exist_ok=True)
                said = np.kron(degraded(mask, k, CHECKPOINTS), np.ones((2, 2), bool))
                files.write_image_2d(folder / f"{name}.png", said.astype(np.uint8) * 255)
        with (tmp_path / f"{part}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["image", "truth"], *rows])
    return tmp_path


def arguments(folder: Path, *more: object) -> list[object]:
    named = (("--train", "a"), ("--labelled", "b"), ("--unlabelled", "c"))
    sets = [part for option, name in named for part in (option, folder / f"{name}.csv")]
    return ["performance", "--checkpoints", folder / "predictions", *sets, "-o", folder / "out", *R, *E, *more]


def test_a_folder_of_checkpoints_becomes_estimates(evanyseg, model: Path) -> None:
    code, out, err = evanyseg(*arguments(model))
    assert code == 0, err
    assert "epoch_5" in out
    rows = table(model / "out" / "checkpoints.csv")
    assert [row["checkpoint"] for row in rows] == [f"epoch_{n}" for n in (5, 10, 15, 20, 25)], "9 before 10"
    _, truth = disks(8, 2)
    for k, row in enumerate(rows):
        real = np.mean([dice(degraded(t, k, CHECKPOINTS), t) for t in truth])
        assert float(row["dice"]) == pytest.approx(real, abs=0.15)
        assert float(row["dice_low"]) <= float(row["dice"]) <= float(row["dice_high"])
        assert row["mean_pred_dice"]
    page = (model / "out" / "performance.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 6
    assert "All six metrics of epoch_25" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    document = json.loads((model / "out" / "performance.json").read_text(encoding="utf-8"))
    assert document["facts"]["Reverse engine"] == "patches"
    assert len(document["checkpoints"]) == CHECKPOINTS
    code, out, _ = evanyseg(*arguments(model, "--json", "--no-scores"))
    assert code == 0
    found = json.loads(out)
    assert found["checkpoints"][0]["mean_pred_dice"] is None
    assert found["checkpoints"][-1]["dice"] == pytest.approx(float(rows[-1]["dice_reverse"]))


def test_what_reading_the_files_gave_rise_to_is_told(evanyseg, model: Path) -> None:
    for path in (model / "b2.png", model / "predictions" / "epoch_10" / "c3.png"):
        mask = np.asarray(Image.open(path))
        Image.fromarray(np.stack([np.zeros_like(mask), mask], axis=-1), "LA").save(path)
    code, out, err = evanyseg(*arguments(model))
    assert code == 0, err
    said = " ".join((out + err).split())
    found = json.loads((model / "out" / "performance.json").read_text(encoding="utf-8"))["remarks"]
    assert [(remark["cases"], remark["remark"][:6]) for remark in found] == [
        (["b2_0000.png"], "b2.png"), (["c3_0000.png"], "c3.png"),
    ]  # fmt: skip
    assert f"Note, b2_0000.png: b2.png: {FROM_ALPHA}" in said
    assert f"<li><b>c3_0000.png</b>: c3.png: {FROM_ALPHA}</li>" in (model / "out" / "performance.html").read_text()


def test_missing_predictions_are_named_before_anything_is_read(evanyseg, model: Path) -> None:
    (model / "predictions" / "epoch_10" / "c3.png").unlink()
    (model / "b0_0000.png").write_bytes(b"no image")
    code, _, err = evanyseg(*arguments(model))
    assert code == 2
    assert "epoch_10 has no mask named as c3_0000 (c.csv)" in err
    assert not (model / "out").exists()


def test_what_cannot_be_estimated_is_said(evanyseg, model: Path) -> None:
    code, _, err = evanyseg(*arguments(model, "--reverse", "atlas"))
    assert code == 2
    assert "no reverse engine 'atlas'" in err
    code, _, err = evanyseg(*arguments(model, "-o", model / "a.csv"))
    assert code == 2
    assert "is a file" in err
    assert (model / "a.csv").read_text().startswith("image")
    (model / "c.csv").write_text("image\n")
    code, _, err = evanyseg(*arguments(model))
    assert code == 2
    assert "c.csv" in err
    assert "c.csv has no rows" in err
    for name in ("epoch_20", "epoch_25"):
        shutil.rmtree(model / "predictions" / name)
    (model / "c.csv").write_text("image\nc0_0000.png\n")
    code, _, err = evanyseg(*arguments(model))
    assert code == 2
    assert "3 checkpoints: a line through fewer than 4" in err
    assert not (model / "out").exists(), "all this is found before an image is read"


def test_an_image_that_cannot_be_read_is_named_and_what_was_read_is_kept(evanyseg, model: Path) -> None:
    whole = (model / "b2_0000.png").read_bytes()
    (model / "b2_0000.png").write_bytes(b"no image")
    code, _, err = evanyseg(*arguments(model))
    assert code == 2
    assert "b.csv, row 4: b2_0000.png cannot be read" in err
    assert "10 finished parts are kept" in err, "eight training images and two labelled ones"
    assert [p.name for p in (model / "out").iterdir()] == ["performance.partial"]
    (model / "b2_0000.png").write_bytes(whole)
    code, _, err = evanyseg(*arguments(model))
    assert code == 2
    assert "holds 10 finished parts of a run that was stopped: go on with --resume" in err
    code, _, err = evanyseg(*arguments(model, "--resume"))
    assert code == 0, err
    assert not (model / "out" / "performance.partial").exists()


KILLED_AT = """
import os
import evanyseg.performance.estimate as estimate
import evanyseg.performance.reading as reading
seen = []
def counted(real):
    def call(*a, **k):
        seen.append(1)
        if len(seen) == {}:
            os.kill(os.getpid(), signal.{})
        return real(*a, **k)
    return call
{}
"""
READING, REVERSE = (f"{m}.{f} = counted({m}.{f})" for m, f in (("reading", "read_image"), ("estimate", "_segmented")))


def counted_only(words: str) -> str:
    return KILLED_AT.format(10**9, "SIGINT", words) + "import atexit\natexit.register(lambda: print(len(seen)))\n"


@pytest.mark.parametrize(
    ("at", "signal", "where", "calls"),
    [(19, "SIGKILL", READING, 6), (8, "SIGKILL", REVERSE, 3), (8, "SIGINT", REVERSE, 3)],
)
def test_a_killed_run_goes_on_with_the_same_numbers(
    bright_process, evanyseg, model: Path, at: int, signal: str, where: str, calls: int
) -> None:
    command = [str(part) for part in arguments(model)]
    killed = bright_process(*command, folder=model, prelude=KILLED_AT.format(at, signal, where))
    assert killed.returncode not in (0, 1, 2)
    assert [p.name for p in (model / "out").iterdir()] == ["performance.partial"], "no half results"
    if signal == "SIGINT":
        assert "finished parts are kept" in killed.stderr
    # of 24 images, or of 5 checkpoints on each of the two sides, those that were not finished are made
    again = bright_process(*command, "--resume", folder=model, prelude=counted_only(where))
    assert again.returncode == 0, again.stderr
    assert int(again.stdout.split()[-1]) == calls
    code, _, err = evanyseg(*arguments(model, "-o", model / "whole"))
    assert code == 0, err
    for folder in ("out", "whole"):
        assert sorted(p.name for p in (model / folder).iterdir()) == [
            "checkpoints.csv", "performance.html", "performance.json",
        ]  # fmt: skip
    for name in ("checkpoints.csv", "performance.json"):
        assert (model / "out" / name).read_text() == (model / "whole" / name).read_text()


def test_parts_of_other_masks_or_options_are_not_taken(bright_process, evanyseg, model: Path) -> None:
    command = [str(part) for part in arguments(model)]
    bright_process(*command, folder=model, prelude=KILLED_AT.format(8, "SIGKILL", REVERSE))
    shutil.copy(model / "predictions" / "epoch_5" / "c1.png", model / "predictions" / "epoch_25" / "c0.png")
    for part in sorted((model / "out" / "performance.partial").glob("*.npz"))[:3]:
        part.write_bytes(part.read_bytes()[:100])
    code, _, err = evanyseg(*arguments(model, "--resume"))
    assert code == 0, err
    code, _, err = evanyseg(*arguments(model, "-o", model / "whole"))
    assert code == 0, err
    assert (model / "out" / "checkpoints.csv").read_text() == (model / "whole" / "checkpoints.csv").read_text()


def test_folders_without_masks_and_given_twice(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    with pytest.raises(ImageError, match="no folder"):
        checkpoints_in([folder])
    folder.mkdir()
    with pytest.raises(ImageError, match="holds no masks"):
        checkpoints_in([folder])
    files.write_image_2d(folder / "x.png", np.zeros((8, 8), np.uint8))
    with pytest.raises(ImageError, match="given twice"):
        checkpoints_in([folder, tmp_path / "." / "one"])
    other = tmp_path / "run2" / "one"
    other.mkdir(parents=True)
    files.write_image_2d(other / "x.png", np.zeros((8, 8), np.uint8))
    assert [c.name for c in checkpoints_in([folder, other])] == [f"{tmp_path.name}/one", "run2/one"]


def test_slices_of_volumes_are_those_that_checkpoints_mark_and_labels_that_they_miss_are_empty(tmp_path: Path) -> None:
    volume = phantom.volume((8, 40, 48))
    labels = np.zeros((8, 40, 48), np.uint8)
    labels[2:6, 10:30, 10:30] = 1
    labels[3:5, 32:38, 32:40] = 2
    files.write_volume(tmp_path / "v.nii.gz", volume)
    files.write_volume(tmp_path / "t.nii.gz", volume, labels)
    for k in range(3):
        folder = tmp_path / f"e{k}"
        folder.mkdir()
        said = labels.copy()
        if k == 0:
            said[said == 2] = 0  # an early checkpoint has not found it yet
        files.write_volume(folder / "v.nii.gz", volume, said)
    (tmp_path / "b.csv").write_text("image,truth,label,subject\nv.nii.gz,t.nii.gz,2,anna\n")
    given = open_table(tmp_path / "b.csv", ["image", "truth"])
    found = read_images(given, checkpoints_in([tmp_path / f"e{k}" for k in range(3)]), True, None, ReadingOptions())
    assert list(found.names) == ["v.nii.gz, slice 3", "v.nii.gz, slice 4"]
    assert list(found.subjects) == ["anna", "anna"]
    assert found.predictions.shape == (3, 2, 128, 128)
    assert not found.predictions[0].any()
    assert found.truth is not None
    assert (found.predictions[1] == found.truth).all()
    (tmp_path / "b.csv").write_text("image,truth,label\nv.nii.gz,t.nii.gz,liver\n")
    given = open_table(tmp_path / "b.csv", ["image", "truth"])
    with pytest.raises(ImageError, match=r"b\.csv, row 2: There is no segment 'liver'"):
        read_images(given, checkpoints_in([tmp_path / "e1"]), True, None, ReadingOptions())


def test_a_training_image_without_the_object_is_refused(tmp_path: Path) -> None:
    files.write_image_2d(tmp_path / "i.png", np.zeros((20, 20, 3), np.uint8))
    files.write_image_2d(tmp_path / "t.png", np.zeros((20, 20), np.uint8))
    (tmp_path / "a.csv").write_text("image,truth\ni.png,t.png\n")
    with pytest.raises(ImageError, match=r"a\.csv, row 2: The true mask is empty"):
        read_images(open_table(tmp_path / "a.csv", ["image"]), [], True, None, ReadingOptions())
