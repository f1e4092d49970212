"""Files and command lines with the names they had before: read as what they are called now, written anew."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from evanyseg.quality.builtin import BUILTIN
from evanyseg.quality.estimator_file import present_sizes, read_description
from evanyseg_training.candidates.store import CandidateStore
from evanyseg_training.cli import app
from evanyseg_training.commands.aliases import COMMANDS, OPTIONS, current_options
from evanyseg_training.data import former_names
from evanyseg_training.data.store import Store
from evanyseg_training.estimator.config import load_options
from evanyseg_training.evaluation.comparison.model import COMPARISON, build_net, load_comparison, save_comparison
from evanyseg_training.evaluation.heldout.pairs import HeldoutOptions, build_heldout, read_heldout
from evanyseg_training.evaluation.heldout.sources import stored_source, synthetic_source
from evanyseg_training.reporting.run_report import Run
from training.ellipse_store import make_candidates, make_store


def formerly(table: pd.DataFrame) -> pd.DataFrame:
    """The table as it was written before."""
    for column, values in former_names.VALUES.items():
        if column in table:
            table = table.assign(**{column: table[column].replace({new: old for old, new in values.items()})})
    if "mask_method" in table:
        table = table.assign(mask_method=table["mask_method"].map(former_names.former_method))
    return table.rename(columns={new: old for old, new in former_names.COLUMNS.items()})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A store, candidates and a held-out list, and the same with former names in `old`."""
    folder = tmp_path_factory.mktemp("made")
    store = make_store(folder / "store")
    make_candidates(store, folder / "candidates")
    options = HeldoutOptions(objects=6, pairs=60, unfiltered=4)
    build_heldout(store, folder / "list", [synthetic_source(), stored_source(store)], options)
    for name in ("store", "candidates", "list"):
        shutil.copytree(folder / name, folder / "old" / name)
    for path in [*(folder / "old").rglob("manifest.parquet"), *(folder / "old" / "candidates").glob("*.parquet"),
                 *(folder / "old" / "list").glob("*.parquet")]:  # fmt: skip
        formerly(pd.read_parquet(path)).to_parquet(path)
    pairs = folder / "old" / "list" / "pairs.csv"
    formerly(pd.read_csv(pairs)).to_csv(pairs, index=False)
    return folder


def test_stores_candidates_and_lists_are_read_alike(folder):
    old = pd.read_csv(folder / "old" / "list" / "pairs.csv")
    assert {"maker", "family", "wide", "natural"} <= set(old)
    assert {"damage", "unseen damage"} <= set(old.maker)
    assert old.family.str.contains("warp").any()
    stores = [Store(place / "store") for place in (folder, folder / "old")]
    pd.testing.assert_frame_equal(stores[0].manifest, stores[1].manifest)
    for name in ("candidates", "list"):
        tables = [CandidateStore(p / name, s).table for p, s in zip((folder, folder / "old"), stores, strict=True)]
        pd.testing.assert_frame_equal(*tables)
    lists = [read_heldout(p / "list", s)[1] for p, s in zip((folder, folder / "old"), stores, strict=True)]
    pd.testing.assert_frame_equal(*lists)
    assert lists[1].mask_method.str.contains("elastic deformation").any()


def test_a_held_out_list_is_drawn_by_the_names_it_was_frozen_with():
    assert former_names.former_method("elastic deformation + leak") == "warp + leak"
    assert former_names.former_method("unet-crop@40") == "unet-crop@40"
    assert former_names.current_method("leak + warp") == "leak + elastic deformation"


def test_a_run_of_before_is_reported(tmp_path):
    table = pd.DataFrame({"list": ["wide", "real"], "mode": ["own", "box"], "method": "a", "value": [0.5, 0.6]})
    table.to_csv(tmp_path / "figures.csv", index=False)
    summary = {"ours": "a", "turning": {"own": {"mean": 0.1}}, "differences": {"natural, own": {"b": [0, 0, 0]}}}
    (tmp_path / "run.json").write_text(json.dumps(summary))
    run = Run.read(tmp_path)
    found = run.table("metrics")
    assert found.list.tolist() == ["balanced", "model-generated"]
    assert found["mode"].tolist() == ["no-prompt", "box"]
    assert run.summary["turning"] == {"no-prompt": {"mean": 0.1}}
    assert list(run.summary["differences"]) == ["unfiltered, no-prompt"]
    assert run.table("subgroups") is None


def test_settings_of_a_run_of_before_are_understood(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("sources_out: [a]\ndata: {real: 0.6, transplanted: 0.5, warped: 0.25}\n")
    options = load_options(path)
    assert options.leave_out == ("a",)
    assert (options.data.by_methods, options.data.texture, options.data.elastic) == (0.6, 0.5, 0.25)


def test_comparison_segmenters_of_before_are_loaded(tmp_path):
    from safetensors.torch import load_file, save_file

    config = COMPARISON["unet-crop"]
    save_comparison(tmp_path / "new.safetensors", config, {3: build_net(config).state_dict()})
    header = {"rival": json.dumps(config.__dict__)}
    save_file(load_file(tmp_path / "new.safetensors"), tmp_path / "old.safetensors", header)
    assert [one.name for one in load_comparison(tmp_path / "old.safetensors")] == ["unet-crop@3"]


def test_an_estimator_of_before_is_loaded(tmp_path):
    stored = json.loads(BUILTIN.with_suffix(".json").read_text())
    for part in ("factors", "calibration"):
        named = {"box": stored[part]["box"], "own": stored[part].get("no-prompt", stored[part].get("own"))}
        stored[part] = named
    (tmp_path / "old.json").write_text(json.dumps(stored))
    old, new = read_description(tmp_path / "old.json"), read_description(BUILTIN.with_suffix(".json"))
    assert old.factors == new.factors
    apply = [d.calibrations[1].apply(*(np.array([v]) for v in (0.5, 0.3, 0.7))) for d in (old, new)]
    np.testing.assert_array_equal(*apply)


def test_a_calibration_of_before_is_exported_with_the_names_of_now():
    stored = {
        "format": 2,
        "factors": {"box": 1, "own": 2},
        "calibration": {"box": {}, "own": {}},
        "figures": {"own": 3},
    }
    assert former_names.with_current_description(stored) == {
        "format": 2, "factors": {"box": 1, "no-prompt": 2}, "calibration": {"box": {}, "no-prompt": {}},
        "metrics": {"no-prompt": 3},
    }  # fmt: skip


@pytest.mark.parametrize("name", [command.name for command in app.registered_commands if not command.hidden])
def test_every_command_explains_itself(name):
    result = CliRunner().invoke(app, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert name in result.stdout


def test_sizes_of_a_network_are_read_under_the_names_they_had() -> None:
    assert present_sizes({"size": 96, "scalars": 10}) == {"size": 96, "auxiliary": 10}
    assert present_sizes({"auxiliary": 10}) == {"auxiliary": 10}


@pytest.mark.parametrize(("former", "now"), COMMANDS.items())
def test_former_commands_work_and_are_not_shown(former, now):
    hidden = {command.name: command.hidden for command in app.registered_commands}
    assert (hidden[now], hidden[former]) == (False, True)
    result = CliRunner().invoke(app, [former, "--help"])
    assert result.exit_code == 0
    assert f"{former} is called {now} now" in result.stderr


def test_former_options_are_understood_where_the_command_has_them():
    known = {"--texture", "--comparison"}
    given = ["--transplanted", "0.5", "--rivals=folder", "--hedge", "0.4"]
    assert current_options(given, known) == ["--texture", "0.5", "--comparison=folder", "--hedge", "0.4"]


def test_every_former_option_has_a_command_that_knows_the_present_one():
    from typer.main import get_command

    commands = get_command(app).commands.values()  # type: ignore[attr-defined]
    known = {name for command in commands for parameter in command.params for name in parameter.opts}
    assert set(OPTIONS.values()) <= known
    assert not set(OPTIONS) & known
