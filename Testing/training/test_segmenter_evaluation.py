"""Evaluation and export of the built-in segmenter on generated images, and its command lines."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from evanyseg.prompts import BoxPrompt
from evanyseg_training.data.set_notes import SetNote, read_set_notes
from evanyseg_training.data.store import Store
from evanyseg_training.evaluation.baselines.masks import CLASSICAL, box_mask, ellipse_mask, grabcut_mask, otsu_mask
from evanyseg_training.evaluation.segmenters import (
    EvalOptions,
    by_size,
    chosen_rows,
    evaluate_segmenter,
    per_set,
    write_report,
)
from evanyseg_training.segmenter.checkpoints import segmenter_from_checkpoint
from evanyseg_training.segmenter.export import export_segmenter
from training.tiny_segmenter import config, run, store

__all__ = ["run", "store"]  # fixtures


def test_classical_masks_of_a_plain_blob() -> None:
    y, x = np.mgrid[:80, :100]
    truth = ((x - 50) / 24) ** 2 + ((y - 40) / 16) ** 2 <= 1
    image = np.repeat((60 + 120 * truth + np.random.default_rng(0).normal(0, 4, truth.shape))[..., None], 3, 2)
    image = image.clip(0, 255).astype(np.uint8)
    box = BoxPrompt.of_mask(truth)
    assert box is not None
    assert box_mask(image, box).sum() == box.area
    assert (ellipse_mask(image, box) != truth).mean() < 0.02
    for method in (otsu_mask, grabcut_mask):
        found = method(image, box)
        assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.93, method.__name__
    flat = np.zeros_like(image)
    np.testing.assert_array_equal(otsu_mask(flat, box), box_mask(flat, box))


@pytest.fixture(scope="module")
def cases(store: Store, run: Path):
    return evaluate_segmenter(store, segmenter_from_checkpoint(run / "averaged.safetensors"), EvalOptions(most=4))


def test_evaluation_measures_only_what_was_not_trained_on(store: Store, cases) -> None:
    assert set(cases.set) == {"three", "four"}
    assert len(cases) == 8
    assert ((cases["segmenter"] >= 0) & (cases["segmenter, oracle of heads"] >= cases["segmenter"])).all()
    again = chosen_rows(store, EvalOptions(most=4))
    assert sorted(again.row) == sorted(cases.row)


def test_tables_have_a_macro_mean_and_bins_of_size(cases) -> None:
    sets = per_set(cases)
    macro = sets.loc[("heldout", "macro mean")]
    assert macro["ellipse"] == pytest.approx(sets.loc[("heldout", "four"), "ellipse"])
    assert macro["prompts"] == 4
    sizes = by_size(cases)
    assert sizes.prompts.sum() == len(cases)


def test_report_and_export_make_a_card_that_names_the_data(store: Store, run: Path, cases, tmp_path: Path) -> None:
    write_report(cases, tmp_path / "report", "evanyseg-train segmenter-eval", "abc123", 3)
    page = (tmp_path / "report/segmenter.md").read_text()
    assert "abc123" in page
    assert all(name in page for name in CLASSICAL)
    readme = tmp_path / "README.md"
    readme.write_text("| set | license | citation |\n|---|---|---|\n| one | CC0 | Somebody 2020 |\n")
    assert read_set_notes(readme) == {"one": SetNote("CC0", "Somebody 2020")}
    weights = export_segmenter(
        run / "averaged.safetensors", tmp_path / "out", store, [run], tmp_path / "report", readme
    )
    told = json.loads(weights.with_suffix(".json").read_text())
    assert told["phases"][0]["steps"] == 4
    assert told["train"]["objects"] == 12
    assert "heldout" in told["results"]
    card = weights.with_suffix(".md").read_text()
    assert "CC0" in card
    assert "Somebody 2020" in card
    assert "three" in card
    assert str(tmp_path) not in card
    assert segmenter_from_checkpoint(weights).name == "builtin"
    again = export_segmenter(
        weights, tmp_path / "again", store, [run], None, None, earlier=weights.with_suffix(".json")
    )
    assert [p["steps"] for p in json.loads(again.with_suffix(".json").read_text())["phases"]] == [4, 4]


def test_the_command_line_prepares_trains_and_measures(tmp_path: Path, store: Store) -> None:
    from typer.testing import CliRunner

    from evanyseg_training.cli import app

    runner = CliRunner()
    settings = tmp_path / "c.yaml"
    config(store, tmp_path / "run").save(settings)
    trained = runner.invoke(app, ["segmenter", "--config", str(settings), "--no-progress"])
    assert trained.exit_code == 0, trained.output
    weights = str(tmp_path / "run/averaged.safetensors")
    measured = runner.invoke(app, ["segmenter-eval", "--store", str(store.folder), "-o", str(tmp_path / "report"),
                                   "--weights", weights, "--most", "2"])  # fmt: skip
    assert measured.exit_code == 0, measured.output
    assert "macro Dice" in measured.output
    shipped = runner.invoke(app, ["segmenter-export", weights, "--store", str(store.folder), "-o", str(tmp_path / "w")])
    assert shipped.exit_code == 0, shipped.output
    assert (tmp_path / "w/segmenter.md").is_file()
