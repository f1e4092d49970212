"""Second stage: the head alone, on stored outputs of a frozen trunk, for many cheap epochs.

The trunk sees each mask about once; the head, which also gets the measured shape of the mask, can be trained to the end
on a few ten thousand stored vectors in a minute.
"""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from evanyseg.io.write import atomic_path
from evanyseg.nets.builtin_estimator import BuiltinEstimatorNet, EstimatorOutput, TrunkFeatures, network_input
from evanyseg.quality.modes import NEAR_INFERENCE

from .losses import LossWeights, pinball_loss, ranking_loss
from .module import macro_metrics
from .samples.data import UNSEEN, EpochSampler, EstimatorData, collate
from .samples.fixed import FixedData, fixed_samples


@dataclass(frozen=True)
class HeadOptions:
    """`groups`: stored groups of masks of one object; `patience`: epochs without progress on val before the end."""

    groups: int = 6000
    epochs: int = 40
    batch: int = 64
    lr: float = 1e-3
    weight_decay: float = 0.05
    dropout: float = 0.1
    patience: int = 8
    seed: int = 0
    first: int = UNSEEN
    """Index of the first stored sample: far from those the trunk was trained on, so that draws differ."""


@dataclass
class Stored:
    """Outputs of the trunk for N masks and their truth; sets: names of N masks (validation only)."""

    hidden: Tensor
    mapped: Tensor
    logit: Tensor
    dice: Tensor
    log_hd95: Tensor
    owner: Tensor
    sets: list[str]

    def __len__(self) -> int:
        return len(self.dice)

    def features(self, index: Tensor | slice) -> TrunkFeatures:
        nothing = torch.zeros(0)
        return TrunkFeatures(self.hidden[index], self.mapped[index], self.logit[index], nothing, nothing)


def run_trunk(net: BuiltinEstimatorNet, loader: DataLoader, sets: list[str], seconds: float = float("inf")) -> Stored:
    """Run the trunk over a loader of `collate`d or plain batches, for at most so many seconds."""
    start = time.monotonic()
    parts: list[dict[str, Tensor]] = []
    owners = 0
    with torch.inference_mode():
        for batch in loader:
            pixels = network_input(batch["pixels"], batch["distance"]).contiguous(memory_format=torch.channels_last)
            features = net.forward_features(pixels, batch["auxiliary"], batch["areas"])
            owner = batch.get("owner", torch.arange(len(batch["dice"]))) + owners
            owners = int(owner.max()) + 1
            parts.append(
                {"hidden": features.hidden, "mapped": features.mapped, "logit": features.logit,
                 "dice": batch["dice"].float(), "log_hd95": batch["log_hd95"].float(), "owner": owner}
            )  # fmt: skip
            if time.monotonic() - start > seconds:
                break
    return Stored(**{k: torch.cat([p[k] for p in parts]).clone() for k in parts[0]}, sets=sets)


def head_loss(output: EstimatorOutput, stored: Stored, index: Tensor, weights: LossWeights) -> Tensor:
    """The Dice, ranking, quantile and distance parts of `estimator_loss` (the maps are frozen)."""
    true = stored.dice[index]
    known = torch.isfinite(stored.log_hd95[index])
    distance = torch.nn.functional.huber_loss(output.log_hd95[known], stored.log_hd95[index][known])
    return (
        weights.dice * torch.nn.functional.smooth_l1_loss(output.dice, true, beta=0.1)
        + weights.ranking * ranking_loss(output.dice, true, stored.owner[index])
        + weights.pinball * pinball_loss(output.quantiles, true)
        + weights.hd95 * (distance if known.any() else true.sum() * 0.0)
    )


def train_head(
    net: BuiltinEstimatorNet, train: Stored, val: list[Stored], options: HeadOptions, weights: LossWeights | None = None
) -> list[dict[str, float]]:
    """Train `net.head` and `net.outputs` in place and keep the epoch with the best score on `val`; the history."""
    weights = weights or LossWeights()
    generator = torch.Generator().manual_seed(options.seed)
    torch.manual_seed(options.seed)
    parts = torch.nn.ModuleList([net.head, net.outputs])
    for parameter in parts.parameters():
        parameter.requires_grad_(True)
    optimizer = torch.optim.AdamW(parts.parameters(), options.lr, weight_decay=options.weight_decay)
    owners = train.owner.unique()
    rows_of = [torch.nonzero(train.owner == o).flatten() for o in owners]
    steps = max(len(owners) // options.batch, 1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, options.lr, options.epochs * steps, pct_start=0.1)
    history = [scores(net, val)]
    best, best_state, since = history[0]["score"], copy.deepcopy(parts.state_dict()), 0
    for _ in range(options.epochs):
        order = torch.randperm(len(owners), generator=generator)
        for step in range(steps):
            index = torch.cat([rows_of[int(o)] for o in order[step * options.batch : (step + 1) * options.batch]])
            features = train.features(index)
            noisy = torch.nn.functional.dropout(features.hidden, options.dropout)
            loss = head_loss(net.forward_head(with_hidden(features, noisy)), train, index, weights)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        history.append(scores(net, val) | {"loss": loss.item()})
        since += 1
        if history[-1]["score"] > best:
            best, best_state, since = history[-1]["score"], copy.deepcopy(parts.state_dict()), 0
        if since >= options.patience:
            break
    parts.load_state_dict(best_state)
    net.requires_grad_(False)
    return history


def with_hidden(features: TrunkFeatures, hidden: Tensor) -> TrunkFeatures:
    return TrunkFeatures(hidden, features.mapped, features.logit, features.fp_logits, features.fn_logits)


def scores(net: BuiltinEstimatorNet, val: list[Stored]) -> dict[str, float]:
    """Macro r and MAE of each validation list, and `score`: the mean of r - MAE."""
    out: dict[str, float] = {}
    with torch.inference_mode():
        for number, stored in enumerate(val):
            predicted = net.forward_head(stored.features(slice(None))).dice.numpy()
            metrics = macro_metrics(predicted, stored.dice.numpy(), stored.sets)
            out |= {f"r{number}": metrics["r"], f"mae{number}": metrics["mae"]}
    out["score"] = float(np.mean([out[f"r{n}"] - out[f"mae{n}"] for n in range(len(val))]))
    return out


def second_stage(
    net: BuiltinEstimatorNet,
    train: EstimatorData,
    val: EstimatorData,
    factors: tuple[float, float],
    options: HeadOptions,
    val_per_set: int = 48,
    seconds: float = float("inf"),
) -> list[dict[str, float]]:
    """Store the trunk's outputs for train and val and train the head on them; `factors`: windows used on val."""
    closer = train.with_factors(NEAR_INFERENCE)
    sampler = EpochSampler(options.groups, position=lambda: options.first)
    stored = run_trunk(net, DataLoader(closer, 8, sampler=sampler, collate_fn=collate), [], seconds)
    lists = []
    for without_box, factor in zip((False, True), factors, strict=True):
        picks = fixed_samples(val, val_per_set, 5, without_box)
        data: Dataset = FixedData(val, picks, factor, without_box)
        lists.append(run_trunk(net, DataLoader(data, 32), [name for _, name in picks]))
    return train_head(net, stored, lists, options)


def save_as_checkpoint(net: BuiltinEstimatorNet, path: Path) -> None:
    """A file that `load_weights` reads like a run's checkpoint."""
    with atomic_path(path) as partial:
        torch.save({"state_dict": {f"ema.{k}": v for k, v in net.state_dict().items()}}, partial)
