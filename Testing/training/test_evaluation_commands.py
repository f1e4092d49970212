"""comparison, heldout, evaluate and report in a row on generated images, with the shipped models."""

from __future__ import annotations

import pandas as pd
import pytest
from typer.testing import CliRunner

from evanyseg_training.cli import app
from training.ellipse_store import make_candidates, make_store

SETS = (("one", "heldout"), ("two", "heldout"), ("three", "train"), ("four", "calib"))


def command(*words: object) -> str:
    result = CliRunner().invoke(app, [str(w) for w in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    make_candidates(make_store(folder / "store", SETS, images=4), folder / "candidates", masks=8)
    return folder


def test_from_comparison_segmenters_to_the_page_of_results(folder, monkeypatch):
    monkeypatch.setattr("evanyseg_training.evaluation.probes.speed", lambda *_: {1: 2.0, 16: 1.0})  # it takes longest
    store, known = folder / "store", folder / "comparison"
    command("comparison", "--store", store, "-o", known, "--steps", 2)
    lists = {split: folder / "lists" / split for split in ("heldout", "calib")}
    for split, out in lists.items():
        told = command("heldout", store, "-o", out, "--comparison", known, "--split", split, "--pairs", 14)
        assert "balanced pairs" in told
    run, log = folder / "eval", folder / "log.md"
    command(
        "evaluate", "--store", store, "--list", lists["heldout"], "--candidates", folder / "candidates", "-o", run,
        "--calibration", lists["calib"], "--comparison", known, "--estimator", "builtin", "--segmenter", "builtin",
        "--resamples", 20, "--pool", 1, "--reason", "a test", "--log", log,
    )  # fmt: skip
    assert "a test" in log.read_text()
    metrics = pd.read_csv(run / "metrics.csv")
    assert set(metrics["mode"]) == {"box", "no-prompt"}
    assert {"balanced", "model-generated", "unfiltered"} >= set(metrics.list) >= {"balanced", "model-generated"}
    assert {"builtin", "stacked", "boosting on shape"} <= set(metrics.method)
    assert set(pd.read_csv(run / "subgroups.csv").subgroup) <= {"size", "fill", "mask_source"}
    assert (run / "selection.csv").is_file()
    page = folder / "RESULTS.md"
    command("report", "--test", run, "--held", run, "-o", page, "--store", store)
    text = page.read_text()
    for words in ("## Summary", "evaluate-only sets, with box: macro pearson", "#### By source of the mask, with box"):
        assert words in text
