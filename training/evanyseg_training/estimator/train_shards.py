"""Training of estimators from shards: networks, samples and losses as in `train`, any amount of data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import DataLoader

from ..data.streaming import Row, ShardStream, shard_sizes
from ..errors import OptionError
from .config import RunOptions, save_options
from .module import EstimatorModule
from .networks.backbones import net_for, scorer_of
from .samples.data import collate
from .samples.shards import GroupSampler


class ShardModule(L.LightningDataModule):
    """Batches of whole groups; the loader is made when the process knows its rank."""

    def __init__(self, folder: Path, sample: Callable[[Row, np.random.Generator], Any], options: RunOptions) -> None:
        super().__init__()
        self.folder, self.sample, self.options = folder, sample, options

    def train_dataloader(self) -> DataLoader:
        assert self.trainer is not None
        rank, world = self.trainer.global_rank, self.trainer.world_size
        # another part of the endless stream after a resume, not the same again
        number = self.trainer.current_epoch
        stream = ShardStream(self.folder, self.sample, seed=self.options.seed, number=number, rank=rank, world=world)
        groups = max(self.options.batch // self.options.data.group, 1)
        return DataLoader(
            stream, groups, num_workers=self.options.workers, collate_fn=collate,
            persistent_workers=self.options.workers > 0, pin_memory=torch.cuda.is_available(),
        )  # fmt: skip


def train_from_shards(
    shards: Path, folder: Path, options: RunOptions, devices: int | str = "auto", nodes: int = 1, **more: Any
) -> EstimatorModule:
    """Train (or go on from folder/last.ckpt). `batch` is per process; `epoch` counts steps between checkpoints.

    Raises ShardError for a folder without shards or with fewer shards than readers, OptionError for `texture`.
    """
    if options.data.texture > 0:
        raise OptionError("A stream has no other images at hand: leave out 'texture', or train from a store.")
    shard_sizes(shards)
    save_options(folder, options)
    L.seed_everything(options.seed, verbose=False)
    net = net_for(options.model, options.mode, options.data.size)
    module = EstimatorModule(net, options.optim, options.loss, scorer_of(options.mode))
    data = ShardModule(shards, GroupSampler(options.mode, options.data), options)
    settings: dict[str, Any] = {
        "max_steps": options.optim.steps,
        "limit_train_batches": options.epoch,
        "precision": options.precision,
        "gradient_clip_val": options.optim.clip,
        "devices": devices,
        "num_nodes": nodes,
        "callbacks": [ModelCheckpoint(folder, "last", save_on_train_epoch_end=True, enable_version_counter=False)],
        "logger": CSVLogger(folder, "log", version=0),
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "use_distributed_sampler": False,
        "reload_dataloaders_every_n_epochs": 1,
    }
    last = folder / "last.ckpt"
    trainer = L.Trainer(**(settings | more))
    trainer.fit(module, data, ckpt_path=str(last) if last.is_file() else None, weights_only=False)
    return module
