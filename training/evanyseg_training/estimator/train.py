"""One training run of an estimator: options in a file, checkpoints and CSV logs in the run's folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from safetensors.numpy import load_file
from torch import nn
from torch.utils.data import DataLoader

from evanyseg.quality.estimator_file import EstimatorParts
from evanyseg.quality.modes import WITH_BOX
from evanyseg.weights.eight_bits import unpacked

from ..candidates.store import CandidateStore
from ..data.store import Store
from ..errors import RunError
from .config import RunOptions, save_options
from .module import EstimatorModule
from .networks.backbones import net_for, scorer_of
from .samples.data import EpochSampler, EstimatorData, collate
from .samples.fixed import FixedData, fixed_samples

SIDE = "side."
"""What the names of a second trunk's parameters begin with (`networks.lite`)."""


class ShortLog(Callback):
    """One line per validation: for logs of runs without a terminal."""

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        metrics = {k: f"{float(v):.4f}" for k, v in trainer.callback_metrics.items() if k != "val_r"}
        print(f"step {trainer.global_step}", metrics, flush=True)


def make_data(store: Store, candidates: Path, options: RunOptions) -> tuple[EstimatorData, EstimatorData | None]:
    """Training data and, where the split has candidates, validation data."""
    pool = CandidateStore(candidates, store, options.parts)
    out = set(options.leave_out)
    sets = sorted(pool.table.loc[~pool.table.source.isin(out), "set"].unique())
    of = lambda split, names=None: EstimatorData(pool, split, options.data, names, options.mode)
    train = of("train", sets)
    return train, of("val") if (pool.table.split == "val").any() else None


def make_trainer(folder: Path, options: RunOptions, **more: Any) -> L.Trainer:
    best = ModelCheckpoint(
        folder, "best", monitor="val_r", mode="max", save_on_train_epoch_end=False, enable_version_counter=False
    )
    # the one to go on from is another: `save_last` keeps only what was also the best
    last = ModelCheckpoint(folder, "last", save_on_train_epoch_end=True, enable_version_counter=False)
    settings: dict[str, Any] = {
        "max_steps": options.optim.steps,
        "precision": options.precision,
        "gradient_clip_val": options.optim.clip,
        "callbacks": [best, last, ShortLog()],
        "logger": CSVLogger(folder, "log", version=0),
        "log_every_n_steps": 50,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "use_distributed_sampler": False,
        "num_sanity_val_steps": 0,
        "accelerator": "auto",
    }
    return L.Trainer(**(settings | more))


def train_estimator(
    store: Store,
    candidates: Path,
    folder: Path,
    options: RunOptions,
    start: Sequence[Path] = (),
    **trainer_options: Any,
) -> EstimatorModule:
    """Train (or go on from folder/last.ckpt) and return the module; `start`: checkpoints whose averaged weights, or the
    mean of them, are the starting point of a new run. Raises CandidateError when there are no candidates."""
    save_options(folder, options)
    L.seed_everything(options.seed, verbose=False)
    train, val = make_data(store, candidates, options)
    net = net_for(options.model, options.mode, options.data.size, options.pretrained)
    if start:
        load_weights(net, *start)
    module = EstimatorModule(net, options.optim, options.loss, scorer_of(options.mode))
    trainer = make_trainer(folder, options, **trainer_options)
    groups = max(options.batch // options.data.group, 1)
    world = trainer.world_size
    drawn = lambda: trainer.global_step * groups * world
    sampler = EpochSampler(options.epoch * groups * world, lambda: trainer.global_rank, world, drawn)
    loader = DataLoader(
        train, groups, sampler=sampler, num_workers=options.workers, collate_fn=collate,
        persistent_workers=options.workers > 0,
    )  # fmt: skip
    loaders = []
    if val is not None:
        for without_box in (False, True):
            picks = fixed_samples(val, options.val_per_set, 5, without_box)
            module.val_sets.append([name for _, name in picks])
            loaders.append(DataLoader(FixedData(val, picks, WITH_BOX, without_box), 64))
    last = folder / "last.ckpt"
    trainer.fit(module, loader, loaders or None, ckpt_path=str(last) if last.is_file() else None, weights_only=False)
    return module


def averaged_weights(path: Path) -> dict[str, torch.Tensor]:
    """The averaged weights of a run's checkpoint, or those of a shipped file (.safetensors): 8 bits are a start too."""
    if path.suffix != ".safetensors":
        state = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
        return {k.removeprefix("ema."): v for k, v in state.items() if k.startswith("ema.")}
    network = unpacked(EstimatorParts.of(load_file(path)).network)
    return {name: torch.from_numpy(tensor) for name, tensor in network.items()}


def load_weights(net: nn.Module, checkpoint: Path, *others: Path) -> None:
    """The averaged weights of a checkpoint, or the mean of several, into a net of the same kind; position embeddings
    are resampled if the window has another size."""
    mine = averaged_weights(checkpoint)
    for count, other in enumerate(map(averaged_weights, others), start=2):
        mine = {name: tensor + (other[name] - tensor) / count for name, tensor in mine.items()}  # a running mean
    if not any(name.startswith(SIDE) for name in mine):  # a second trunk joins: it keeps its own start
        mine |= {name: tensor for name, tensor in net.state_dict().items() if name.startswith(SIDE)}
    if names := set(net.state_dict()).symmetric_difference(mine):
        raise RunError(f"{checkpoint} holds weights of another network: {len(names)} names differ ({min(names)}).")
    head = getattr(net, "head", None)
    if head is not None and mine["head.0.weight"].shape != head[0].weight.shape:
        extra = head[0].weight.shape[1] - mine["head.0.weight"].shape[1]
        mine["head.0.weight"] = nn.functional.pad(
            mine["head.0.weight"], (0, extra)
        )  # new auxiliary features start silent
    position = getattr(net, "position", None)
    if position is not None and mine["position"].shape != position.shape:
        old, new = (int(t.shape[1] ** 0.5) for t in (mine["position"], position))
        grid = mine["position"].transpose(1, 2).reshape(1, -1, old, old)
        grid = nn.functional.interpolate(grid, (new, new), mode="bicubic", align_corners=False)
        mine["position"] = grid.flatten(2).transpose(1, 2)
    net.load_state_dict(mine)
