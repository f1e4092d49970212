"""`evanyseg-train candidates --kind segmenter`, from a trained segmenter's file to masks in a candidate store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from evanyseg_training.candidates.store import CandidateStore
from evanyseg_training.cli import app
from evanyseg_training.data.store import Store
from evanyseg_training.errors import LeakageError, OptionError
from evanyseg_training.segmenter.train import train_segmenter
from training.tiny_segmenter import config, run, store

__all__ = ["run", "store"]  # fixtures


def make(store: Store, out: Path, *words: object) -> CandidateStore:
    said = ["candidates", store.folder, "-o", out, "--kind", "segmenter", *words]
    result = CliRunner().invoke(app, [str(w) for w in said], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return CandidateStore(out, store)


def test_each_box_jitter_is_one_prompt_of_each_object(store: Store, run: Path, tmp_path: Path) -> None:
    weights = f"{run / 'averaged.safetensors'}"
    few = ["--model", weights, "--objects", 3]
    exact = make(store, tmp_path / "a", *few, "--box-jitter", 0).table
    both = make(store, tmp_path / "b", *few, "--box-jitter", 0, "--box-jitter", 0.2).table
    corners = ["qx0", "qy0", "qx1", "qy1"]
    assert (exact.groupby("row")[corners].nunique() == 1).all(axis=None)
    assert (both.groupby("row")[corners].nunique() == 2).any(axis=None)
    true = np.array([store.box(int(row)).as_tuple() for row in exact.row])
    assert np.allclose(exact[corners].to_numpy(), true)


def test_a_segmenter_that_left_a_set_out_makes_masks_of_it(store: Store, tmp_path: Path) -> None:
    half = config(store, tmp_path / "half", weight_of={"two": 0.0, "three": 0.0}, steps=2, keep=(1.0,))
    train_segmenter(half, progress=False)
    model = f"{tmp_path / 'half' / 'averaged.safetensors'}@leave-out"
    with pytest.raises(LeakageError, match="saw subject"):  # nobody is left for set 'one'
        make(store, tmp_path / "c", "--model", model)
    # a second one is said to have seen nobody
    made = make(store, tmp_path / "d", "--model", model, "--model", f"{tmp_path / 'half' / 'kept_100.safetensors'}")
    assert set(made.table[made.table.set == "two"].mask_method.str.split("#").str[0]) >= {"half/averaged"}
    assert not made.table[made.table.set == "one"].mask_method.str.startswith("half/averaged").any()


def test_no_model_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="--model"):
        make(store, tmp_path / "e")
