"""The Lightning module that trains the built-in segmenter, with an averaged copy of its weights."""

from __future__ import annotations

import copy
import math
import time
from typing import Any

import lightning as L
import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from evanyseg.nets.builtin_segmenter import INPUT_SIDE, BuiltinSegmenterNet, SegmenterArchitecture
from evanyseg.segmenters.tokens import NEGATIVE, NOT_A_POINT, POSITIVE

from .config import SegmenterConfig
from .losses import segmenter_loss

CELL = 32
"""Pixels of one cell of the encoder's position grid."""
REFINEMENT, PLACE = 1, 2
"""First numbers of the seeds that a step draws from."""


class SegmenterModule(L.LightningModule):
    """Trains `net`; `averaged` is its exponential moving average, which is what checkpoints export."""

    def __init__(self, config: SegmenterConfig) -> None:
        super().__init__()
        self.config = config
        self.net = BuiltinSegmenterNet(SegmenterArchitecture.from_dict(dict(config.architecture)))
        if config.start:
            self.net.load_state_dict(load_file(config.start))
        self.averaged = copy.deepcopy(self.net).requires_grad_(False).eval()
        self.started = time.monotonic()

    @property
    def progress(self) -> float:
        """How much of the run is done, in [0, 1]: by the clock where minutes are given, else by steps."""
        if self.config.minutes is not None:
            return min((time.monotonic() - self.started) / (60 * self.config.minutes), 1.0)
        return min(self.global_step / max(self.config.steps, 1), 1.0)

    def on_train_start(self) -> None:
        self.started = time.monotonic()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        decay = [p for p in self.net.parameters() if p.ndim > 1]
        plain = [p for p in self.net.parameters() if p.ndim <= 1]
        groups = [{"params": decay, "weight_decay": self.config.weight_decay}, {"params": plain, "weight_decay": 0.0}]
        return torch.optim.AdamW(groups, lr=self.config.learning_rate, betas=(0.9, 0.98), fused=True)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        done = self.progress
        warm = min(1.0, (self.global_step + 1) / self.config.warmup_steps)
        rate = self.config.learning_rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))
        optimizer = self.optimizers()
        for group in optimizer.param_groups:  # type: ignore[union-attr]
            group["lr"] = rate

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        count = batch["target"].shape[1]
        coords, labels, target = (batch[k].flatten(0, 1) for k in ("coords", "labels", "target"))
        at = window_at(batch["image"].shape[-1], self.global_step)
        coords = coords + float(CELL) * coords.new_tensor((at[1], at[0]))
        features = self.net.encoder(batch["image"], at).repeat(count)
        logits, iou = self.net.decode(features, coords, labels, at=at)
        loss, parts = segmenter_loss(logits, iou, target)
        if refines(self.global_step, self.config.refine_share):
            coords, labels = corrected(logits[:, 0].detach().float(), target, coords, labels, at, self.global_step)
            previous = logits[:, :1].detach()
            again = torch.ones(len(previous), dtype=torch.bool, device=previous.device)
            logits, iou = self.net.decode(features, coords, labels, previous, again, at)
            second, refined = segmenter_loss(logits, iou, target)
            loss = (loss + second) / 2
            self.log("refined_iou", refined["true_iou"])
        self.log_dict({"loss": loss.detach(), **parts, "lr": self.optimizers().param_groups[0]["lr"]})  # type: ignore[union-attr]
        return loss

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        # not Lightning's own clipping, which refuses the fused optimizer
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.config.clip)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        keep = min(self.config.average, (1 + self.global_step) / (10 + self.global_step))
        with torch.no_grad():
            for mean, now in zip(self.averaged.parameters(), self.net.parameters(), strict=True):
                mean.lerp_(now, 1 - keep)
            for kept, buffer in zip(self.averaged.buffers(), self.net.buffers(), strict=True):
                kept.copy_(buffer)
        if self.progress >= 1.0:
            self.trainer.should_stop = True


def refines(step: int, share: float) -> bool:
    """Whether a step prompts again with a corrected point and its own mask: a `share` of the steps, the same ones on
    every rank and after a resume."""
    return bool(np.random.default_rng([REFINEMENT, step]).random() < share)


def window_at(side: int, step: int) -> tuple[int, int]:
    """Row and column, in cells of CELL px, where a window of `side` px lies in the 256 px view: any of its places, the
    same one on every rank and after a resume."""
    places = (INPUT_SIDE - side) // CELL + 1
    row, column = np.random.default_rng([PLACE, step]).integers(places, size=2)
    return int(row), int(column)


def corrected(
    logits: Tensor, target: Tensor, coords: Tensor, labels: Tensor, at: tuple[int, int], seed: int
) -> tuple[Tensor, Tensor]:
    """The prompts with one more point each, on a pixel that the mask [N, 128, 128] has wrong (where there is one).

    It takes the first free point slot, or the last.
    """
    generator = torch.Generator().manual_seed(seed)
    wrong = (logits > 0) != (target > 0.5)
    noise = torch.rand(wrong.shape, generator=generator).to(wrong.device) * wrong
    flat = noise.flatten(1).argmax(1)
    width = target.shape[-1]
    place = torch.stack([flat % width, flat // width], 1).to(coords.dtype) * 2 + 1
    place = place + float(CELL) * coords.new_tensor((at[1], at[0]))
    missed = target.flatten(1).gather(1, flat[:, None])[:, 0] > 0.5
    some = wrong.flatten(1).any(1)
    free = (labels[:, 2:] == NOT_A_POINT).float().argmax(1) + 2
    slot = torch.where((labels[:, 2:] == NOT_A_POINT).any(1), free, labels.shape[1] - 1)
    coords, labels = coords.clone(), labels.clone()
    which = torch.arange(len(labels), device=labels.device)[some]
    coords[which, slot[some]] = place[some]
    labels[which, slot[some]] = torch.where(missed, POSITIVE, NEGATIVE)[some]
    return coords, labels
