"""Every command of the estimator in a row on generated images, the second stage, and the comparison."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from evanyseg.quality.builtin import load
from evanyseg.quality.modes import MODES, NO_PROMPT
from evanyseg_training.cli import app
from evanyseg_training.data.store import Store
from evanyseg_training.errors import CandidateError, RunError
from evanyseg_training.estimator.module import OptimOptions
from evanyseg_training.estimator.networks.backbones import build_net
from evanyseg_training.estimator.samples.data import EstimatorData
from evanyseg_training.estimator.samples.options import DataOptions
from training.estimator_runs import SIZE, module_pool, options


def test_train_calibrate_export_load_from_the_command_line(folders, tmp_path):
    call = CliRunner()

    def command(*words):
        result = call.invoke(app, [str(w) for w in words], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    store, made = folders / "store", tmp_path / "candidates"
    command("candidates", store, "-o", made, "--masks", 120)
    command("candidates", store, "-o", made, "--kind", "stored")
    config = tmp_path / "run.yaml"
    config.write_text("batch: 8\nepoch: 4\nval_per_set: 6\nprecision: 32-true\noptim: {warmup: 1, steps: 4}\n")
    command("estimator", store, made, "-o", tmp_path / "run", "--config", config, "--size", SIZE)
    checkpoint = tmp_path / "head.ckpt"
    short = ["--size", SIZE, "--groups", 60]
    assert "best" in command(
        "head", store, made, tmp_path / "run" / "last.ckpt", "-o", checkpoint, *short, "--epochs", 3
    )
    grown = tmp_path / "trees.safetensors"
    command("gbdt", store, made, checkpoint, "-o", grown, *short, "--rounds", 10, "--texture", 0.5, "--elastic", 1)
    common = ["--size", SIZE, "--per-set", 8, "--factor-box", 1.75, "--factor-no-prompt", 2.0, "--trees", grown]
    output = command("calibrate", store, made, checkpoint, "-o", tmp_path / "cal", *common)
    assert "calib_coverage" in output
    notes = tmp_path / "notes.md"
    notes.write_text("| set | license | citation |\n|---|---|---|\n| a | CC0 | Somebody 2020 |\n")
    out = tmp_path / "shipped" / "estimator"
    card = ["--store", store, "--candidates", made, "--notes", notes, "--trees", grown]
    command("export", checkpoint, tmp_path / "cal", "-o", out, *card)
    card = out.with_suffix(".md").read_text()
    assert "| a | 3 |" in card
    assert "Somebody 2020" in card
    assert json.loads(out.with_suffix(".json").read_text())["factors"][NO_PROMPT] == 2.0
    estimator = load(out.with_suffix(".safetensors"))
    assert estimator.trees is not None
    opened = Store(store)
    image, mask = opened.image(0), opened.mask(0)
    found = estimator.estimate(image, np.stack([mask, np.roll(mask, 9, 1)]), [opened.box(0)] * 2, maps=True)
    assert all(f.scored and f.low <= f.dice <= f.high for f in found)

    source = sorted(opened.manifest[opened.manifest.split == "train"].source.unique())[0]
    left = tmp_path / "left"
    command("estimator", store, made, "-o", left, "--config", config, "--size", SIZE, "--leave-out", source)
    command("blend", store, made, left, "-o", tmp_path / "blend.csv", "--groups", 40, "--per-set", 8)
    table = pd.read_csv(tmp_path / "blend.csv")
    assert set(table["mode"]) == set(MODES)
    assert "network alone" in set(table.answer)
    assert source in table.command[0]
    with pytest.raises(RunError, match="left no source out"):
        command("blend", store, made, tmp_path / "run", "-o", tmp_path / "none.csv")


def test_the_second_stage_changes_the_head_alone_and_never_for_the_worse(data, folders):
    from evanyseg_training.estimator.export.export import BuiltinEstimatorNet as Net
    from evanyseg_training.estimator.head import HeadOptions, second_stage

    torch.manual_seed(0)
    net = build_net("builtin", SIZE)
    assert isinstance(net, Net)
    before = {k: v.clone() for k, v in net.state_dict().items()}
    val = EstimatorData(module_pool(folders), "val", DataOptions(size=SIZE))
    history = second_stage(
        net.eval(), data, val, (1.75, 1.5), HeadOptions(groups=60, epochs=15, batch=8), val_per_set=30
    )
    changed = {k for k, v in net.state_dict().items() if not torch.equal(v, before[k])}
    assert changed
    assert all(k.startswith(("head.", "outputs.")) for k in changed)
    assert max(h["score"] for h in history) > history[0]["score"] + 0.05


def test_architectures_are_compared_on_sources_left_out(folders, tmp_path):
    from evanyseg_training.estimator.compare import compare

    chosen = options(optim=OptimOptions(steps=2, warmup=1), epoch=2)
    pairs = [("builtin", "context"), ("resnet18", "paper")]
    table = compare(Store(folders / "store"), folders / "candidates", tmp_path, chosen, ["b"], pairs, per_set=14)
    assert list(table["model"]) == ["builtin", "resnet18"]
    assert (table["box masks"] == 14).all()
    assert table["no-prompt MAE"].between(0, 1).all()
    assert (tmp_path / "architectures.csv").is_file()
    with pytest.raises(CandidateError, match="no candidates"):
        compare(Store(folders / "store"), folders / "candidates", tmp_path / "x", chosen, ["z"], pairs[:1])
