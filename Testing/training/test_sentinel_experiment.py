"""The estimator that is told the class: pairs, conditions, draws, and the ablation as a command."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from evanyseg.models import estimators
from evanyseg.results import QualityCase
from evanyseg_training.candidates.other_object import make_other_objects
from evanyseg_training.candidates.run import CandidateOptions
from evanyseg_training.candidates.store import CandidateStore, CandidateWriter
from evanyseg_training.cli import app
from evanyseg_training.data.store import Store
from evanyseg_training.errors import CandidateError
from evanyseg_training.estimator.conditioned import train as training
from evanyseg_training.estimator.conditioned.class_table import read_class_table
from evanyseg_training.estimator.conditioned.matching import optimal_pairs, pair_loss
from evanyseg_training.estimator.conditioned.samples import Crops, SampleOptions, crops_of
from evanyseg_training.estimator.conditioned.train import ARMS, Conditions, TrainOptions, predict, train_arm
from evanyseg_training.experiments.sentinel import run
from evanyseg_training.experiments.sentinel.run import run_ablation
from evanyseg_training.experiments.sentinel.tables import metrics_of, share_below
from training.disc_store import make_store

LABELS = {"a": "liver", "b": "left kidney", "c": "polyp"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = make_store(tmp_path_factory.mktemp("data") / "store", images=45)
    rows = pd.read_parquet(made.folder / "manifest.parquet")
    rows["label"] = rows.set.map(LABELS)
    rows.to_parquet(made.folder / "manifest.parquet")
    return Store(made.folder)


@pytest.fixture(scope="module")
def masks(store: Store, tmp_path_factory: pytest.TempPathFactory) -> CandidateStore:
    folder = tmp_path_factory.mktemp("candidates")
    writer = CandidateWriter(folder, "segmenter")
    objects = store.manifest[store.manifest.kind == "object"]
    for row in objects.to_dict("records"):
        truth = store.mask(row["row"])
        for shift in (0, 1, 3, 6):
            writer.add(row, truth, np.roll(truth, shift, 0), "segmenter", "shifted", store.box(row["row"]))
    writer.close()
    make_other_objects(store, folder, CandidateOptions(masks=10))
    return CandidateStore(folder, store)


def test_pairs_are_the_cheapest_matching_and_everybody_is_in_one() -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        kinds = rng.normal(size=(4, 6))
        vectors = kinds[rng.integers(4, size=6)]
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        pairs = optimal_pairs(vectors)
        assert sorted(pairs.ravel()) == list(range(6))
        cost = lambda of: sum(float(np.linalg.norm(vectors[i] - vectors[j])) for i, j in of)  # noqa: B023
        least = min(cost(np.reshape(p, (3, 2))) for p in permutations(range(6)))
        assert cost(pairs) == pytest.approx(least, abs=1e-5)


def test_of_an_odd_number_one_is_left_out() -> None:
    assert len(np.unique(optimal_pairs(np.eye(5)))) == 4
    assert optimal_pairs(np.eye(1)).shape == (0, 2)


def test_the_pair_loss_by_hand() -> None:
    predicted, true = torch.tensor([0.8, 0.5]), torch.tensor([0.9, 0.3])
    assert float(pair_loss(predicted, true, np.array([[0, 1]]), 0.2)) == pytest.approx(0.2 - 0.3 * 0.6)
    assert float(pair_loss(predicted, true, np.array([[0, 1]]), 0.1)) == 0  # in the right order, far enough
    assert float(pair_loss(predicted, true.flip(0), np.array([[0, 1]]), 0.1)) == pytest.approx(0.1 + 0.3 * 0.6)
    assert float(pair_loss(predicted, true, np.zeros((0, 2), int))) == 0


def test_what_an_arm_is_told() -> None:
    names = read_class_table()
    nothing, one_hot, text = (Conditions(a.condition, ["liver", "polyp"], names) for a in ARMS[:3])
    labels = ["polyp", "spleen"]
    assert not nothing(labels).any()
    assert one_hot(labels).argmax(1)[0] == 1
    assert not one_hot(labels)[1].any()  # a class that training did not have
    np.testing.assert_allclose(text(labels), training.LENGTH * names.vectors_of(labels), rtol=1e-6)


def test_resampling_draws_rare_dice_more_often() -> None:
    dice = np.array([0.95] * 90 + [0.15] * 10)
    alike, often = training._weights(dice, False), training._weights(dice, True)
    assert np.ptp(alike) == 0
    assert often[90:].sum() == pytest.approx(often[:90].sum())


def test_crops_are_of_real_masks_and_name_a_class_that_is_not_there(masks: CandidateStore, tmp_path: Path) -> None:
    crops = crops_of(masks, read_class_table(), SampleOptions(train=20, test=10, others=12), tmp_path)
    assert crops.pixels.shape[1:] == (2, 48, 48)
    assert set(crops.table.mask_source) == {"segmenter", "other object"}
    assert (crops.table.wrong != "").all()
    assert (crops.table.wrong != crops.table.label).all()
    real = crops.table[crops.table.mask_source == "segmenter"]
    assert real[real.split == "train"].groupby("label").size().max() == 20
    again = crops_of(masks, read_class_table(), SampleOptions(), tmp_path)  # remembered
    np.testing.assert_array_equal(again.pixels, crops.pixels)
    train = crops.table[crops.table.split == "train"]
    assert not set(train.subject) & set(crops.table[crops.table.split != "train"].subject)


def test_candidates_without_unseen_people_are_refused(store: Store, tmp_path: Path) -> None:
    make_other_objects(store, tmp_path, CandidateOptions(masks=5))
    with pytest.raises(CandidateError, match="masks by segmenters"):
        crops_of(CandidateStore(tmp_path, store), read_class_table(), SampleOptions())


def test_total_misses_are_learnt(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    classes = np.array(["liver", "polyp"])[np.arange(60) % 2]
    pixels = np.zeros((60, 2, 32, 32), np.uint8)
    pixels[:, 0] = np.where(classes == "liver", 200, 40)[:, None, None] + rng.integers(0, 30, (60, 32, 32))
    pixels[:, 1, 8:24, 8:24] = 255
    table = pd.DataFrame({"label": classes, "wrong": classes[::-1], "dice": rng.uniform(0.85, 0.95, 60),
                          "mask_source": "segmenter"})  # fmt: skip
    crops, names, quiet = Crops(pixels, table), read_class_table(), lambda text: None
    net, conditions = train_arm(ARMS[-1], crops, names, tmp_path, TrainOptions(150, 32), quiet)
    right = predict(net, conditions, crops, list(table.label))
    wrong = predict(net, conditions, crops, list(table.wrong))
    assert right.mean() > wrong.mean() + 0.3


def test_a_stopped_arm_goes_on_where_it_was(masks: CandidateStore, tmp_path: Path, monkeypatch) -> None:
    names = read_class_table()
    crops = crops_of(masks, names, SampleOptions(train=20, test=10, others=5))
    monkeypatch.setattr(training, "SAVE_EVERY", 2)
    options, quiet = TrainOptions(6, 16), lambda text: None
    whole, conditions = train_arm(ARMS[4], crops, names, tmp_path / "one", options, quiet)

    def stops(text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_arm(ARMS[4], crops, names, tmp_path / "two", options, stops)
    resumed, _ = train_arm(ARMS[4], crops, names, tmp_path / "two", options, quiet)
    labels = list(crops.table.label)
    np.testing.assert_allclose(
        predict(whole, conditions, crops, labels), predict(resumed, conditions, crops, labels), atol=1e-6
    )


def test_metrics_of_a_perfect_and_a_reversed_order() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"dice": rng.uniform(size=60), "label": ["x", "y"] * 30, "source": "s",
                          "subject": [str(k % 20) for k in range(60)]})  # fmt: skip
    right, wrong = (metrics_of(table, sign * table.dice.to_numpy()) for sign in (1, -1))
    assert {k: v[0] for k, v in right.items()} == pytest.approx({"LCC": 1, "SROCC": 1, "MAP@5": 1, "MAP@10": 1})
    assert wrong["LCC"][0] == pytest.approx(-1)
    assert wrong["MAP@5"][0] < 0.3
    assert share_below(table, np.r_[np.zeros(30), np.ones(30)]).startswith("50.0 [")
    assert share_below(table[:0], np.zeros(0)) == "-"


def test_the_command_writes_both_tables_and_does_nothing_twice(
    store: Store, masks: CandidateStore, tmp_path: Path
) -> None:
    results = tmp_path / "RESULTS.md"
    said = ["sentinel", store.folder, masks.folder, "-o", tmp_path / "out", "--steps", 2, "--train", 20, "--test", 15,
            "--others", 10, "--results", results]  # fmt: skip
    result = CliRunner().invoke(app, [str(w) for w in said], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    page = results.read_text(encoding="utf-8")
    assert "## Told the class (Quality Sentinel)" in page
    for arm in ARMS:
        assert page.count(f"| {arm.name} |") == 2
    assert "built-in, with the prompt box" in page
    changed = {file: file.stat().st_mtime_ns for file in (tmp_path / "out").glob("*.ckpt")}
    again = CliRunner().invoke(app, [str(w) for w in said], catch_exceptions=False)
    assert again.exit_code == 0
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "out").glob("*.ckpt")} == changed
    assert len(changed) == len(ARMS)


def test_an_arm_that_is_told_the_class_can_be_used_as_estimator(masks: CandidateStore, tmp_path: Path) -> None:
    samples, told = SampleOptions(20, 20, 5), ARMS[2:3]
    found = run_ablation(masks, read_class_table(), tmp_path, samples, TrainOptions(2, 8), lambda text: None, told)
    estimator = estimators.create(str(tmp_path / "text.safetensors"))
    table = masks.table
    for row, predicted in zip(found.test.itertuples(), found.predictions[0], strict=True):
        same = table[(table.subject == row.subject) & np.isclose(table.dice, row.dice)].index
        said = [
            next(iter(estimator.estimate_cases([QualityCase(_image(masks, i), masks.mask(i), None, label=row.label)])))
            for i in same
        ]
        assert any(abs(one.dice - predicted) < 1e-5 for one in said)


def _image(masks: CandidateStore, index: int) -> np.ndarray:
    pixels = masks.store.gray_or_color(int(masks.table.image_id[index]))
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


def test_one_class_alone_is_refused(masks: CandidateStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = run.crops_of

    def of_one(*given):
        crops = real(*given)
        return Crops(crops.pixels, crops.table.assign(label="liver"))

    monkeypatch.setattr(run, "crops_of", of_one)
    with pytest.raises(CandidateError, match="are of one class, liver: telling it says nothing"):
        run_ablation(masks, read_class_table(), tmp_path, SampleOptions(20, 20, 5), TrainOptions(1, 8), print)


def test_wrong_names_are_asked_for_good_masks_alone(masks: CandidateStore, tmp_path: Path) -> None:
    found = run_ablation(
        masks, read_class_table(), tmp_path, SampleOptions(20, 20, 5), TrainOptions(1, 8), lambda text: None, ARMS[:1]
    )
    shown = np.isfinite(found.wrong[0])
    assert shown.any()
    assert (found.test.dice[shown] > 0.8).all()
    assert isinstance(Crops(np.zeros((1, 2, 4, 4), np.uint8), found.test[:1]).where(np.array([True])), Crops)
