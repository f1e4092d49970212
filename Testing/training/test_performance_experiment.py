"""SPE's experiment: a small U-Net's checkpoints, estimated against true metrics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from doubles import BrightEstimator
from engine.performance_sets import disks
from evanyseg.performance.cases import SIDE
from evanyseg_training.errors import DataError
from evanyseg_training.experiments.adaptation.objects import KnownObject
from evanyseg_training.experiments.performance.checkpoints import TrainingOptions, model_data
from evanyseg_training.experiments.performance.page import TITLE, write_page
from evanyseg_training.experiments.performance.run import IMAGES, LABELED, RAW, REVERSE, RunOptions, run_sets
from evanyseg_training.experiments.performance.tables import NO_ENGINE, by_set, metrics_table, over_sets

OPTIONS = RunOptions(("patches",), (4,), TrainingOptions(epochs=20, every=5, width=4, most=8, rate=1e-2))


@pytest.fixture(scope="module")
def objects() -> list[KnownObject]:
    pixels, truth = disks(24)
    large = [np.kron(t, np.ones((2, 2), bool)) for t in truth]
    return [KnownObject("disks", "s", f"p{n}", p, t, ()) for n, (p, t) in enumerate(zip(pixels, large, strict=True))]


def test_checkpoints_learn_and_subjects_stay_apart(objects: list[KnownObject]) -> None:
    data = model_data(objects, BrightEstimator(), OPTIONS.training, lambda text: None)
    assert data.checkpoints == ("epoch 5", "epoch 10", "epoch 15", "epoch 20")
    parts = [set(one.subjects) for one in (data.train, data.labeled, data.unlabeled)]
    assert [len(part) for part in parts] == [8, 8, 8]
    assert not parts[0] & parts[1] | parts[0] & parts[2] | parts[1] & parts[2]
    assert data.labeled.predictions.shape == (4, 8, SIDE, SIDE)
    assert data.labeled.truth is not None
    overlap = (data.labeled.predictions & data.labeled.truth).sum((1, 2, 3))
    assert overlap[-1] > 0
    with pytest.raises(DataError, match="23 images of disks: 24"):
        model_data(objects[:23], BrightEstimator(), OPTIONS.training, lambda text: None)


def test_a_run_is_measured_once_and_told(objects: list[KnownObject], tmp_path: Path) -> None:
    told: list[str] = []
    table = run_sets({"disks": objects}, BrightEstimator(), tmp_path / "sets", OPTIONS, told.append)
    assert set(table.labeled) == {4, 8}
    assert set(table.method) >= {REVERSE, RAW, LABELED, IMAGES}
    for method in (REVERSE, LABELED, IMAGES):
        assert len(table[(table.method == method) & (table.labeled == 8)]) == 4 * 6
    assert set(table[table.method == IMAGES].engine) == {NO_ENGINE}
    before = len(told)
    again = run_sets({"disks": objects}, BrightEstimator(), tmp_path / "sets", OPTIONS, told.append)
    assert len(told) == before, "a finished set is read from its folder"
    pd.testing.assert_frame_equal(table, again)
    page = write_page(tmp_path / "page", table, "`command` at abc", "patches")
    text = page.read_text(encoding="utf-8")
    assert text.startswith(TITLE)
    assert "disks 8" in text
    assert (tmp_path / "page" / "performance.png").stat().st_size > 1000


def rows(errors: dict[str, float], true: float) -> pd.DataFrame:
    made = []
    for name, error in errors.items():
        for k, level in enumerate((true - 0.1, true, true + 0.1)):
            made.append({"set": name, "engine": "ridge", "labeled": 8, "all": True, "method": REVERSE,
                         "metric": "dice", "checkpoint": f"epoch {k}", "true": level, "estimated": level + error,
                         "low": level - 0.05, "high": level + 0.05, "seconds": 2.0, "true_dice": level,
                         "images": 8})  # fmt: skip
    return pd.DataFrame(made)


def test_tables_by_hand() -> None:
    table = rows({"a": 0.1, "b": -0.02}, 0.5)
    found = by_set(table).set_index("set")
    assert found.mae.tolist() == pytest.approx([0.1, 0.02])
    assert found.bias.tolist() == pytest.approx([0.1, -0.02])
    assert found.r.tolist() == pytest.approx([1.0, 1.0])
    assert found.coverage.tolist() == [1.0, 1.0]
    useful = by_set(table, useful=True)
    assert useful.checkpoints.tolist() == [1, 1], "a Dice of .5 is not above .5"
    macro = over_sets(table, ["engine", "method"]).iloc[0]
    assert macro.sets == 2
    assert macro.mae == "0.060 [0.020, 0.100]"
    assert metrics_table(table, "ridge").metric.tolist() == ["dice"]
