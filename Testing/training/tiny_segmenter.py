"""A segmenter small enough to train in a test, and the made-up store it trains on: fixtures of several test files."""

from __future__ import annotations

from pathlib import Path

import pytest

from evanyseg_training.data.store import Store
from evanyseg_training.segmenter.config import SegmenterConfig
from evanyseg_training.segmenter.train import train_segmenter
from training.ellipse_store import make_store

TINY = {"widths": [16, 16, 32, 32], "blocks": [1, 1, 1, 1], "attention_blocks": 1, "transformer_dim": 32,
        "transformer_depth": 1, "mlp_dim": 64, "heads": 4, "light": True}  # fmt: skip
SETS = (("one", "train"), ("two", "train"), ("three", "test"), ("four", "heldout"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("made") / "store", SETS)


def config(store: Store, out: Path, **changes: object) -> SegmenterConfig:
    settings = {
        "store": str(store.folder), "out": str(out), "steps": 4, "batch": 4, "epoch_size": 8, "side": 64,
        "warmup_steps": 2, "refine_share": 0.5, "architecture": TINY, "precision": "32-true", "keep": (0.5, 1.0),
        "trainer": {"accelerator": "cpu", "log_every_n_steps": 1, "enable_progress_bar": False}, **changes,
    }  # fmt: skip
    return SegmenterConfig(**settings)


@pytest.fixture(scope="module")
def run(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "whole"
    train_segmenter(config(store, out), progress=False)
    return out
