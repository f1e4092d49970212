"""Runs the training of the built-in segmenter: rows, loader, trainer, checkpoints, resume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import DataLoader

from ..data.manifest import TRAIN, fold_of
from ..data.store import Store
from ..errors import ManifestError, RunError
from .checkpoints import save_weights
from .config import SegmenterConfig
from .data import SampleNumbers, SamplingPlan, SegmenterSamples
from .module import SegmenterModule


def training_rows(store: Store, fold: tuple[int, int] | None = None) -> np.ndarray:
    """Manifest rows to train on: true objects of train subjects whose license allows it, without those of the fold."""
    table = store.manifest
    table = table[(table.kind == "object") & (table.split == TRAIN) & (table.use == "train")]
    if fold is not None:
        left_out, folds = fold
        keys = table[["source", "subject"]].drop_duplicates()
        kept = {(s, p) for s, p in keys.itertuples(index=False) if fold_of(s, p, folds) != left_out}
        table = table[[(s, p) in kept for s, p in zip(table.source, table.subject, strict=True)]]
    if table.empty:
        raise ManifestError(f"{store.folder} has no object to train on; prepare data with use 'train' first.")
    return table.row.to_numpy()


class Samples(L.LightningDataModule):
    """Seeded samples, numbered by the steps done."""

    def __init__(self, store: Store, config: SegmenterConfig) -> None:
        super().__init__()
        self.store, self.config = store, config
        self.rows = training_rows(store, config.fold)

    def train_dataloader(self) -> DataLoader:
        config = self.config
        plan = SamplingPlan(
            config.seed, config.epoch_size, config.prompts, config.cap, config.weight_of, side=config.side
        )
        samples = SegmenterSamples(self.store, self.rows, plan)
        numbers = SampleNumbers(config.epoch_size, self._position)
        return DataLoader(samples, config.batch, sampler=numbers, drop_last=True, num_workers=config.workers)

    def _position(self) -> int:
        trainer = self.trainer
        return trainer.global_step * self.config.batch * trainer.world_size if trainer is not None else 0


class KeepAverages(L.Callback):
    """Exports the averaged weights at the given shares of the run: `kept_020.safetensors`, ..., `kept_100`."""

    def __init__(self, folder: Path, shares: tuple[float, ...]) -> None:
        self.folder, self.shares = folder, shares

    def on_train_batch_end(self, trainer: L.Trainer, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        for share in self.shares:
            path = self.folder / f"kept_{round(100 * share):03d}.safetensors"
            if module.progress >= share and not path.exists():
                save_weights(module.averaged, path)


def train_segmenter(config: SegmenterConfig, resume: bool = False, progress: bool = True) -> Path:
    """Train into `config.out` (config.yaml, metrics.csv, last.ckpt, kept_*.safetensors); path of the last weights.

    `resume` goes on from last.ckpt. Raises RunError when the folder holds a run and resume is off.
    """
    out = Path(config.out)
    last = out / "last.ckpt"
    if last.exists() and not resume:
        raise RunError(f"{out} holds a run already; use --resume, or name another folder.")
    out.mkdir(parents=True, exist_ok=True)
    config.save(out / "config.yaml")
    torch.set_num_threads(config.threads)
    L.seed_everything(config.seed, verbose=False)
    module = SegmenterModule(config)
    trainer = L.Trainer(
        **{
            "accelerator": "auto",
            "devices": 1,
            "precision": config.precision,
            "max_steps": -1 if config.minutes is not None else config.steps,
            "max_epochs": -1,
            "logger": CSVLogger(out, name="", version="", flush_logs_every_n_steps=20),
            "callbacks": [
                KeepAverages(out, config.keep),
                ModelCheckpoint(out, filename="last", every_n_epochs=1, save_top_k=1, enable_version_counter=False),
            ],
            "enable_progress_bar": progress,
            "enable_model_summary": False,
            "log_every_n_steps": 10,
            **config.trainer,
        }
    )
    trainer.fit(module, datamodule=Samples(Store(config.store), config), ckpt_path=last if resume else None)
    final = out / "averaged.safetensors"
    save_weights(module.averaged, final)
    return final
