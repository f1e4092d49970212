"""Training of the conditioned estimator: one arm of the paper's ablation, resumed where it was stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evanyseg.io.write import atomic_path
from evanyseg.nets.conditioned import planes, small_net
from evanyseg.quality.conditioned.class_table import ClassTable
from evanyseg.quality.conditioned.file import ConditionedFile, save

from ...candidates.mask_sources import OTHER_OBJECT
from .matching import optimal_pairs, pair_loss
from .samples import Crops

NO_CLASS, ONE_HOT, TEXT = "no class", "one-hot", "text"
SAVE_EVERY = 100
WRONG_SHARE = 0.15
"""Share of masks that an arm with total misses shows under the name of another class, with Dice 0."""
LENGTH = 16.0
"""Length of the condition's vector: numbers of about the size of the features beside it."""


@dataclass(frozen=True)
class Arm:
    """What an arm of the ablation adds."""

    name: str
    condition: str = TEXT
    pairs: bool = False
    resampled: bool = False
    misses: bool = False
    file: str = ""
    """What it is exported as."""


ARMS = (
    Arm("MSE", NO_CLASS),
    Arm("+ one-hot class", ONE_HOT),
    Arm("+ text of the class", TEXT, file="text.safetensors"),
    Arm("+ pair loss", TEXT, True, file="pairs.safetensors"),
    Arm("+ resampling by Dice", TEXT, True, True, file="resampled.safetensors"),
    Arm("+ total misses", TEXT, True, True, True, file="misses.safetensors"),
)


@dataclass(frozen=True)
class TrainOptions:
    steps: int = 250
    batch: int = 64
    rate: float = 2e-3
    seed: int = 0


class Conditions:
    """Class names -> float32 [n, D]: all alike, one-hot over the classes of training (zero for others), or text."""

    def __init__(self, kind: str, classes: list[str], names: ClassTable) -> None:
        self.kind, self.names = kind, names
        self.place = {name: k for k, name in enumerate(classes)}
        self.size = len(classes) if kind == ONE_HOT else names.vectors.shape[1]

    def __call__(self, labels: list[str]) -> np.ndarray:
        out = np.zeros((len(labels), self.size), np.float32)
        for k, label in enumerate(labels):
            if self.kind == TEXT:
                out[k] = LENGTH * self.names.find(label).vector
            elif self.kind == ONE_HOT and label in self.place:
                out[k, self.place[label]] = LENGTH
        return out


def train_arm(
    arm: Arm, crops: Crops, names: ClassTable, folder: Path, options: TrainOptions, tell: Callable[[str], None]
) -> tuple[nn.Module, Conditions]:
    """Train (or go on from the arm's file in `folder`), on crops of the training split."""
    torch.manual_seed(options.seed)
    real = (crops.table.mask_source != OTHER_OBJECT).to_numpy()
    mine = crops if arm.misses else crops.where(real)
    conditions = Conditions(arm.condition, sorted(crops.table.label[real].unique()), names)
    net = small_net(conditions.size)
    optimizer = torch.optim.AdamW(net.parameters(), lr=options.rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, options.rate, total_steps=options.steps, pct_start=0.1)
    file = folder / f"{ARMS.index(arm)}.ckpt"
    step = 0
    if file.is_file():
        kept = torch.load(file, map_location="cpu", weights_only=True)
        net.load_state_dict(kept["net"])
        optimizer.load_state_dict(kept["optimizer"])
        schedule.load_state_dict(kept["schedule"])
        step = int(kept["step"])
    p = _weights(mine.table.dice.to_numpy(), arm.resampled)
    while step < options.steps:
        net.train()
        rng = np.random.default_rng([options.seed, 9, step])
        x, y, labels = _batch(mine, rng.choice(len(mine.table), options.batch, p=p), rng, arm.misses)
        predicted = net(x, torch.from_numpy(conditions(labels)))
        loss = F.mse_loss(predicted, y)
        if arm.pairs:
            loss = loss + pair_loss(predicted, y, optimal_pairs(names.vectors_of(labels)))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        step += 1
        if step % SAVE_EVERY == 0 or step == options.steps:
            state = {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
            with atomic_path(file) as partial:
                torch.save(state | {"step": step}, partial)
            tell(f"{arm.name}: step {step}, loss {loss.item():.4f}")
    return net.eval(), conditions


def export(path: Path, net: nn.Module, names: ClassTable, size: int) -> None:
    """An arm that is told the text of the class as a file for `--estimator`; size: edge of its crops. Raises
    OutputError."""
    network = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
    save(path, ConditionedFile(network, names, size, LENGTH))


@torch.inference_mode()
def predict(net: nn.Module, conditions: Conditions, crops: Crops, labels: list[str]) -> np.ndarray:
    """Predicted Dice float [N], clipped to [0, 1], of crops shown under `labels` [N]."""
    found = []
    for k in range(0, len(labels), 256):
        phi = torch.from_numpy(conditions(labels[k : k + 256]))
        found.append(net(planes(torch.from_numpy(crops.pixels[k : k + 256])), phi).numpy())
    return np.clip(np.concatenate(found), 0, 1) if found else np.zeros(0)


def _batch(crops: Crops, at: np.ndarray, rng: np.random.Generator, misses: bool) -> tuple[Tensor, Tensor, list[str]]:
    """Inputs with another brightness and contrast and moved a little, true Dice, class names; sides stay sides."""
    x = planes(torch.from_numpy(crops.pixels[at]))
    gain, shift = rng.uniform(0.8, 1.25, (2, len(at), 1, 1)).astype(np.float32)
    x[:, 0] = x[:, 0] * torch.from_numpy(gain) + torch.from_numpy(shift - 1)
    x = torch.roll(x, [int(v) for v in rng.integers(-2, 3, 2)], (2, 3))
    y = crops.table.dice.to_numpy(np.float32)[at].copy()
    labels, wrong = crops.table.label.to_numpy()[at].copy(), crops.table.wrong.to_numpy()[at]
    if misses:
        swapped = (rng.uniform(size=len(at)) < WRONG_SHARE) & (wrong != "")
        labels[swapped], y[swapped] = wrong[swapped], 0.0
    return x, torch.from_numpy(y), [str(label) for label in labels]


def _weights(dice: np.ndarray, resampled: bool) -> np.ndarray:
    """How often each mask is drawn: all alike, or so that every tenth of the Dice comes up alike (rare ones at most
    eight times as often)."""
    weight = np.ones(len(dice))
    if resampled:
        bins = np.clip((dice * 10).astype(int), 0, 9)
        share = np.bincount(bins, minlength=10) / len(dice)
        weight = np.minimum(0.1 / share[bins], 8.0)
    return weight / weight.sum()
