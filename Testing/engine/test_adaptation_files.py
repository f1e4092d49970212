"""What was learned as a file, and `evanyseg adapt` as a person uses it."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file

from engine.test_adaptation import QUICK, example, references
from evanyseg import cli, models
from evanyseg.adaptation import file
from evanyseg.adaptation.features import COUNT
from evanyseg.adaptation.fit import Adaptation, adapt
from evanyseg.adaptation.learner.gaussian_process import MOST
from evanyseg.errors import WeightsError
from evanyseg.quality.builtin import BuiltinEstimator, load
from evanyseg.weights.safe_load import read_arrays


@pytest.fixture(scope="module")
def base() -> BuiltinEstimator:
    return load()


@pytest.fixture(scope="module")
def learned(base: BuiltinEstimator) -> Adaptation:
    return adapt(references(6), base, QUICK, name="mine")


def test_a_file_gives_back_the_same_estimator(base, learned, tmp_path: Path) -> None:
    said = file.save(tmp_path / "mine.safetensors", learned, references(6))
    assert said.subjects == 6
    assert said.after < said.before
    again = file.load(tmp_path / "mine.safetensors", base=base)
    image, _, prediction = example(70)
    found, kept = (e.estimate(image, prediction[None])[0] for e in (again, learned.estimator))
    for name in ("dice", "low", "high"):
        assert getattr(found, name) == pytest.approx(getattr(kept, name), abs=1e-6)  # leaves are kept as float32
    assert (found.level, found.caveats, found.estimator) == (kept.level, kept.caveats, kept.estimator)
    made = models.estimators.create(str(tmp_path / "mine.safetensors"), "cpu")
    assert made.name == "mine"
    with pytest.raises(WeightsError, match="give its file, not the name"):
        models.estimators.create("adapted", "cpu")


def test_no_pixel_is_kept_and_references_are_hashes(learned, tmp_path: Path) -> None:
    known = references(6)
    file.save(tmp_path / "mine.safetensors", learned, known)
    arrays, _ = read_arrays(tmp_path / "mine.safetensors")
    _, said = file.read(tmp_path / "mine.safetensors")
    assert max(a.size for a in arrays.values()) < known[0].image.size
    assert len(set(said.references)) == 6
    assert said.references[2] == file.reference_hash(known[2], said.salt)
    assert said.references[2] != file.reference_hash(known[2], "other")


def test_another_version_of_the_builtin_estimator_refuses_it_in_a_sentence(
    base, learned, tmp_path, monkeypatch
) -> None:
    file.save(tmp_path / "mine.safetensors", learned, references(6))
    monkeypatch.setattr(base, "fingerprint", "another")
    with pytest.raises(WeightsError, match=r"another version of the built-in estimator.*evanyseg adapt"):
        file.load(tmp_path / "mine.safetensors", base=base)


def test_a_file_of_a_version_before_says_what_to_do(base, learned, tmp_path: Path) -> None:
    file.save(tmp_path / "mine.safetensors", learned, references(6))
    with pytest.raises(WeightsError, match=r"has format 3, this version reads format 4: run 'evanyseg adapt' again"):
        file.load(changed(tmp_path / "mine.safetensors", format=3), base=base)


def changed(path: Path, tensors: dict | None = None, **description: object) -> Path:
    arrays, metadata = load_file(path), read_arrays(path)[1]
    metadata[file.KEY] = json.dumps({**json.loads(metadata[file.KEY]), **description})
    save_file({**arrays, **(tensors or {})}, path, metadata)
    return path


MODE = {
    "learned": 0.3, "recalibrated": 0.3, "recalibration": {"mean": 0.5, "center": [0.5, 0.5], "slopes": [0.4, 0.4]},
    "half": [0.1], "edges": [], "level": 0.9, "subjects": 9,
}  # fmt: skip
"""Of a file that is in order."""


def test_the_mode_that_damaged_ones_are_made_of_is_in_order(base, learned, tmp_path: Path) -> None:
    file.save(tmp_path / "mine.safetensors", learned, references(6))
    read, _ = file.read(changed(tmp_path / "mine.safetensors", modes=[MODE] * 2))
    assert read.modes[0].choice.share == 0.6


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda p: changed(p, {"masks": np.zeros((2, 3))}),
        lambda p: changed(p, {"windows": np.full((2, 25), np.nan)}),
        lambda p: changed(p, {"limit": np.array([np.nan])}),
        lambda p: changed(p, {"trees.left": load_file(p)["trees.left"][..., ::-1].copy()}),
        lambda p: changed(p, {"trees.feature": np.full_like(load_file(p)["trees.feature"], 250)}),
        lambda p: changed(p, {"process.pull": np.array(1.0)}),
        lambda p: changed(p, {"process.pull": np.full(len(load_file(p)["process.pull"]), np.nan)}),
        lambda p: changed(p, {"process.points": load_file(p)["process.points"][:, 1:].copy()}),
        lambda p: changed(p, {"process.points": np.zeros((MOST + 1, COUNT)), "process.pull": np.zeros(MOST + 1)}),
        lambda p: changed(p, {"process.spread": np.zeros(COUNT)}),
        lambda p: changed(p, modes=[]),
        lambda p: changed(p, modes=[{**MODE, "learned": 0.7, "recalibrated": 0.7}] * 2),
        lambda p: changed(p, modes=[{**MODE, "learned": -0.1}] * 2),
        lambda p: changed(p, modes=[{**MODE, "half": [-0.1]}] * 2),
        lambda p: changed(p, format=99),
        lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2]),
        lambda p: save_file({"x": np.zeros(2)}, p, {file.MODEL: "adapted", file.KIND: "estimator"}),
    ],
)  # fmt: skip
def test_hostile_and_damaged_files_are_refused(base, learned, tmp_path: Path, spoilt) -> None:
    path = tmp_path / "mine.safetensors"
    file.save(path, learned, references(6))
    spoilt(path)
    with pytest.raises(WeightsError):
        file.load(path, base=base)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six cases as pictures, a table of them with quirks: semicolons, two predictions of one case, spaces."""
    lines = ["Image;truth;prediction;subject"]
    for n in range(6):
        image, truth, prediction = example(n)
        Image.fromarray(image).save(tmp_path / f"i {n}.png")
        for name, mask in (("t", truth), ("p", prediction), ("q", np.roll(truth, 9, 0))):
            Image.fromarray(mask.astype(np.uint8) * 255).save(tmp_path / f"{name}{n}.png")
        lines += [f"i {n}.png;t{n}.png;p{n}.png;person {n}"]
    lines += ["i 5.png;t5.png;q5.png;person 5"]
    (tmp_path / "refs.csv").write_text("\n".join(lines), encoding="utf-16")
    return tmp_path


def test_the_command_learns_and_its_file_is_an_estimator(folder: Path, capsys) -> None:
    assert (
        cli.main(["adapt", str(folder / "refs.csv"), "-o", str(folder / "m.safetensors"), "--synthetic", "4", "--json"])
        == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert (told["references"], told["subjects"], told["helps"]) == (6, 6, True)
    for mode in told["modes"].values():
        assert mode["after"]["masks"] == 7
        assert mode["after"]["mae"] <= mode["before"]["mae"]
        assert 0 <= mode["before"]["coverage"] <= 1
        assert 0.5 <= mode["after"]["coverage"] <= 1
    arguments = [str(folder / "i 3.png"), str(folder / "p3.png"), "--estimator", str(folder / "m.safetensors")]
    assert cli.main(["score", *arguments, "-o", str(folder / "scores.csv")]) == 0
    with (folder / "scores.csv").open(newline="", encoding="utf-8") as rows:
        assert [r["estimator"] for r in csv.DictReader(rows)] == ["adapted"]


def test_the_built_in_segmenters_masks_are_learned_from_unless_told_otherwise(folder: Path, capsys) -> None:
    files = {}
    for name, more in (("as it comes", ()), ("named", ("--segmenter", "builtin")), ("none", ("--segmenter", "none"))):
        out = folder / f"{name}.safetensors"
        assert cli.main(["adapt", str(folder / "refs.csv"), "-o", str(out), "--synthetic", "2", *more]) == 0
        files[name] = load_file(out)
    same = lambda a, b: a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)
    assert same(files["as it comes"], files["named"])
    assert not same(files["as it comes"], files["none"])


def test_rows_that_cannot_be_used_are_named_and_the_others_learned(folder: Path, capsys) -> None:
    text = (folder / "refs.csv").read_text(encoding="utf-16") + "\ngone.png;t0.png;;x\ni 0.png;empty.png;;y\n"
    (folder / "refs.csv").write_text(text, encoding="utf-8")
    Image.fromarray(np.zeros((120, 150), np.uint8)).save(folder / "empty.png")
    arguments = [str(folder / "refs.csv"), "-o", str(folder / "m.safetensors"), "--synthetic", "2"]
    assert cli.main(["adapt", *arguments]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "row 9: There is no file" in said
    assert "row 10: The truth empty.png is empty" in said
    assert (folder / "m.safetensors").is_file()


@pytest.mark.parametrize(
    ("table", "out", "said"),
    [
        ("image,mask\na.png,b.png\n", "m.safetensors", "truth"),
        ("image,truth\ngone.png,gone.png\n", "m.safetensors", "None of the 1 rows"),
        ("image,truth\ni 0.png,t0.png\n", "m.pkl", "name the file 'm.safetensors'"),
    ],
)
def test_what_cannot_be_learned_is_refused_and_nothing_is_written(folder: Path, capsys, table, out, said) -> None:
    (folder / "bad.csv").write_text(table)
    assert cli.main(["adapt", str(folder / "bad.csv"), "-o", str(folder / out)]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (folder / out).exists()


def test_slices_of_a_volume_are_references_of_one_subject(tmp_path: Path, base) -> None:
    from evanyseg.adaptation.table import NEEDED, TableOptions, references_of
    from evanyseg.geometry.volume import Volume
    from evanyseg.io.tables import open_table
    from evanyseg.io.write import write_labels

    image, truth, prediction = example(3)
    stack = np.repeat(image[None, ..., 0], 8, axis=0)
    grid = Volume(stack.astype(np.int16), spacing=(1.0, 2.0, 5.0))
    inside = np.array([0, 1, 1, 1, 1, 1, 1, 0], bool)[:, None, None]
    for name, mask in (("t", truth), ("p", prediction)):
        write_labels(tmp_path / f"{name}.nii.gz", (mask[None] & inside).astype(np.uint8), grid)
    write_labels(tmp_path / "i.nii.gz", stack, replace(grid, array=stack))
    (tmp_path / "refs.csv").write_text("image,truth,prediction\ni.nii.gz,t.nii.gz,p.nii.gz\n")
    found, problems, notes = references_of(open_table(tmp_path / "refs.csv", NEEDED), TableOptions(most=4))
    assert problems == []
    assert notes == []
    assert len(found) == 4
    assert {r.subject for r in found} == {"i.nii.gz"}
    assert found[0].image.shape == (240, 150, 3)  # square pixels
    assert found[0].truth is not None
    assert found[0].truth.shape == (240, 150)
    assert all(len(r.predictions) == 1 for r in found)


def test_masks_of_a_table_of_pairs_are_predictions_and_what_reading_cost_is_told(tmp_path: Path, base) -> None:
    from evanyseg.adaptation.table import NEEDED, TableOptions, references_of
    from evanyseg.geometry.volume import Volume
    from evanyseg.io.tables import open_table
    from evanyseg.io.write import write_labels

    image, truth, prediction = example(3)
    stack = np.repeat(image[None, ..., 0], 4, axis=0).astype(np.int16)
    grid = Volume(stack, spacing=(1.0, 2.0, 5.0))
    half = replace(grid, spacing=(1.0, 2.0, 10.0), origin=(0.0, 0.0, 2.5), array=stack[::2])
    write_labels(tmp_path / "i.nii.gz", stack, grid)
    write_labels(tmp_path / "t.nii.gz", np.repeat(truth[None], 4, axis=0).astype(np.uint8), grid)
    write_labels(tmp_path / "p.nii.gz", np.repeat(prediction[None], 2, axis=0).astype(np.uint8), half)
    (tmp_path / "refs.csv").write_text("image,mask,truth\ni.nii.gz,p.nii.gz,t.nii.gz\n")
    found, problems, notes = references_of(open_table(tmp_path / "refs.csv", NEEDED), TableOptions(most=4))
    assert problems == []
    assert [len(r.predictions) for r in found] == [1, 1, 1, 1]
    assert notes == [(2, "p.nii.gz: mask resampled to the image's grid.")]
