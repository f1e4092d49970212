"""The estimator as a Lightning module: AdamW, cosine, moving average of the weights, validation per data set."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn

from evanyseg.metrics.agreement import correlation
from evanyseg.nets.builtin_estimator import EstimatorOutput, network_input
from evanyseg.quality.modes import MODES

from .losses import LossWeights, estimator_loss

TRAINED = "side.trunk."
"""Parameters that come from another training (`networks.lite`)."""

Scorer = Callable[[nn.Module, dict[str, Tensor]], EstimatorOutput]


@dataclass(frozen=True)
class OptimOptions:
    lr: float = 1e-3
    weight_decay: float = 0.02
    steps: int = 20_000
    warmup: int = 300
    ema: float = 0.998
    clip: float = 1.0
    final: float = 0.02
    """Share of `lr` left at the end of the cosine."""
    decay_every: int = 0
    """Instead of the cosine: times 0.95 every so many steps (the paper: every 5 epochs)."""
    trunk: float = 0.3
    """Share of `lr` for a trunk that comes trained (`networks.lite`)."""


def run_net(net: nn.Module, batch: dict[str, Tensor]) -> EstimatorOutput:
    """The network on a batch of `estimator_data` (uint8 planes are normalized here, on the device)."""
    pixels = network_input(batch["pixels"], batch["distance"]).contiguous(memory_format=torch.channels_last)
    return net(pixels, batch["auxiliary"], batch["areas"])


class EstimatorModule(L.LightningModule):
    """`ema` holds the averaged weights: they are what is validated and exported."""

    def __init__(
        self, net: nn.Module, optim: OptimOptions, weights: LossWeights | None = None, scorer: Scorer = run_net
    ) -> None:
        super().__init__()
        self.net = net.to(memory_format=torch.channels_last)
        self.ema = copy.deepcopy(self.net).requires_grad_(False).eval()
        self.optim, self.weights, self.scorer = optim, weights or LossWeights(), scorer
        self._scores: list[tuple[np.ndarray, np.ndarray]] = []
        self.val_sets: list[list[str]] = []

    def loss(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of a batch and its parts."""
        return estimator_loss(self.scorer(self.net, batch), batch, self.weights)

    def training_step(self, batch: dict[str, Tensor], index: int) -> Tensor:
        loss, parts = self.loss(batch)
        self.log("loss", loss.detach(), prog_bar=True)
        self.log_dict({f"loss/{k}": v.detach() for k, v in parts.items()})
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.update_average(self.global_step)

    def update_average(self, step: int) -> None:
        """Move `ema` towards the weights after `step` steps."""
        # short averages at first: the untrained start must not linger
        decay = min(self.optim.ema, (1 + step) / (10 + step))
        with torch.no_grad():
            for mine, theirs in zip(self.ema.state_dict().values(), self.net.state_dict().values(), strict=True):
                if mine.dtype.is_floating_point:
                    mine.lerp_(theirs, 1 - decay)
                else:
                    mine.copy_(theirs)

    def on_validation_epoch_start(self) -> None:
        self._scores = [(np.zeros(0), np.zeros(0)) for _ in self.val_sets]

    def validation_step(self, batch: dict[str, Tensor], index: int, dataloader_idx: int = 0) -> None:
        predicted = self.scorer(self.ema, batch).dice.float().cpu().numpy()
        before = self._scores[dataloader_idx]
        self._scores[dataloader_idx] = (
            np.concatenate([before[0], predicted]),
            np.concatenate([before[1], batch["dice"].cpu().numpy()]),
        )

    def on_validation_epoch_end(self) -> None:
        rs = []
        for name, sets, (predicted, true) in zip(MODES, self.val_sets, self._scores, strict=False):
            metrics = macro_metrics(predicted, true, sets)
            self.log_dict({f"val/{name}_{k}": v for k, v in metrics.items()})
            rs.append(metrics["r"])
        if rs:  # both modes count alike in the choice of the checkpoint
            self.log("val_r", float(np.mean(rs)), prog_bar=True)

    def configure_optimizers(self) -> Any:
        groups = []
        for trained in (False, True):
            mine = [p for n, p in self.net.named_parameters() if n.startswith(TRAINED) == trained]
            rate = self.optim.lr * (self.optim.trunk if trained else 1.0)
            for some, decay in (
                ([p for p in mine if p.ndim > 1], self.optim.weight_decay),
                ([p for p in mine if p.ndim <= 1], 0.0),
            ):
                if some:
                    groups.append({"params": some, "weight_decay": decay, "lr": rate})
        optimizer = torch.optim.AdamW(groups, lr=self.optim.lr, betas=(0.9, 0.99))
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _rate(self, step: int) -> float:
        if step < self.optim.warmup:
            return (step + 1) / self.optim.warmup
        if self.optim.decay_every:
            return 0.95 ** (step // self.optim.decay_every)
        done = min((step - self.optim.warmup) / max(self.optim.steps - self.optim.warmup, 1), 1.0)
        return self.optim.final + (1 - self.optim.final) * 0.5 * (1 + math.cos(math.pi * done))


def macro_metrics(predicted: np.ndarray, true: np.ndarray, sets: list[str], fewest: int = 12) -> dict[str, float]:
    """Pearson and MAE averaged over sets with at least `fewest` masks of differing Dice, and pooled ones."""
    names = np.array(sets[: len(predicted)])
    rs, maes = [], []
    for name in np.unique(names):
        mine = names == name
        r = correlation(true[mine], predicted[mine], fewest=fewest)
        if not math.isnan(r):
            rs.append(r)
            maes.append(float(np.abs(predicted[mine] - true[mine]).mean()))
    mae = float(np.abs(predicted - true).mean()) if len(predicted) else math.nan
    return {"r": float(np.mean(rs)) if rs else 0.0, "mae": float(np.mean(maes)) if maes else mae, "pooled_mae": mae}
