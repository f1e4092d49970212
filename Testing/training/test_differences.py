"""Two versions of a model on the same masks: equal ones differ in nothing, and a difference shows as what it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from doubles import LevelsSegmenter
from evanyseg.quality.modes import MODES
from evanyseg_training.cli import app
from evanyseg_training.evaluation.cases import CaseSet, frozen_cases
from evanyseg_training.evaluation.differences import STEP, estimator_table, segmenter_answers, segmenter_table
from evanyseg_training.evaluation.heldout.pairs import HeldoutOptions, build_heldout
from evanyseg_training.evaluation.heldout.sources import synthetic_source
from training.ellipse_store import make_store

SETS = (("one", "test"), ("two", "test"))


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> CaseSet:
    folder = tmp_path_factory.mktemp("differences")
    store = make_store(folder / "store", SETS)
    build_heldout(store, folder / "list", [synthetic_source()], HeldoutOptions(split="test", objects=2, pairs=8))
    return frozen_cases(folder / "list", store)


def answers(shift: float = 0.0) -> pd.DataFrame:
    lines = [
        {"set": name, "mode": mode, "truth": t, "dice": t + shift * (t > 0.5), "low": t, "high": t}
        for mode in MODES
        for name in "ab"
        for t in (0.1, 0.4, 0.6, 0.9)
    ]
    return pd.DataFrame(lines)


def test_equal_answers_differ_in_nothing() -> None:
    table = estimator_table([answers(), answers()])
    assert (table["mean |A-B|"] == 0).all()
    assert table["r A"].to_numpy() == pytest.approx(1)
    assert (table["r A"] == table["r B"]).all()


def test_a_difference_is_told_with_its_size_and_how_often() -> None:
    table = estimator_table([answers(), answers(0.05)]).set_index("mode")
    assert table.loc["box", "max |A-B|"] == pytest.approx(0.05)
    assert table.loc["box", "mean |A-B|"] == pytest.approx(0.025)
    assert table.loc["box", f"|A-B| > {STEP}"] == 4
    assert table.loc["box", "mae B"] == pytest.approx(0.025)


def test_versions_that_leave_other_masks_unscored_are_not_compared() -> None:
    other = answers()
    other.loc[0, "dice"] = np.nan
    with pytest.raises(ValueError, match="unscored"):
        estimator_table([answers(), other])


class Coarser(LevelsSegmenter):
    LEVELS = (80, 125, 160)


def test_segmenters_are_measured_against_the_truth_and_each_other(cases: CaseSet) -> None:
    one, other = segmenter_answers(cases, LevelsSegmenter()), segmenter_answers(cases, Coarser())
    same = segmenter_table([one, one]).iloc[0]
    assert (same["Dice of A and B"], same["pixels that differ"]) == (1, 0)
    assert same["prompts"] == 4
    differing = segmenter_table([one, other]).iloc[0]
    assert differing["Dice A"] > 0.8
    assert differing["pixels that differ"] > 0
    assert differing["Dice of A and B"] < 1


def test_the_command_compares_and_refuses_evaluate_only_sets(tmp_path: Path) -> None:
    make_store(tmp_path / "store", SETS)
    command = ["differences", str(tmp_path / "store"), "-o", str(tmp_path / "out"), "--objects", "1", "--pairs", "4"]
    twice = ["--estimator", "builtin", "--estimator", "builtin"]
    done = CliRunner().invoke(app, [*command, *twice], catch_exceptions=False)
    assert "max |A-B|" in done.stdout
    assert "0.000000" in (tmp_path / "out/differences.md").read_text(encoding="utf-8")
    assert CliRunner().invoke(app, [*command, "--split", "heldout", *twice]).exit_code != 0
    assert CliRunner().invoke(app, [*command, "--estimator", "builtin"]).exit_code != 0
