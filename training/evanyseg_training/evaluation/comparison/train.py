"""Training of a comparison segmenter: minutes, on the train split alone, balanced over data sets."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from evanyseg.geometry.box_jitter import jittered
from evanyseg.protocols import Progress, no_progress
from evanyseg.quality.context import box_coverage, coverage, window_image

from ...data.manifest import TRAIN
from ...data.store import Store
from ...errors import ManifestError
from ...metrics.soft_dice import soft_dice_loss
from .model import ComparisonConfig, build_net, comparison_input


@dataclass(frozen=True)
class ComparisonPlan:
    """`keep`: steps whose weights are kept; the last one is the trained segmenter. `jitter`: of each box edge, as a
    share of the side."""

    keep: tuple[int, ...] = (40, 120, 400, 1600)
    batch: int = 16
    rate: float = 2e-3
    jitter: float = 0.1
    seed: int = 11


def train_comparison(
    store: Store, config: ComparisonConfig, plan: ComparisonPlan | None = None, progress: Progress = no_progress
) -> dict[int, dict[str, Tensor]]:
    """State dicts by step. Raises ManifestError when the store has no training objects."""
    plan = plan or ComparisonPlan()
    torch.manual_seed(plan.seed)
    net = build_net(config)
    optimizer = torch.optim.AdamW(net.parameters(), plan.rate, weight_decay=1e-2)
    steps = max(plan.keep)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: min((s + 1) / 100, 1.0) * (0.5 + 0.5 * math.cos(math.pi * s / (steps + 1)))
    )
    kept: dict[int, dict[str, Tensor]] = {}
    began, smooth = time.monotonic(), 0.0
    for step, (inputs, targets) in enumerate(_batches(store, config, plan, steps), start=1):
        with torch.autocast("cpu", torch.bfloat16):
            logits = net(inputs)
        loss = segmentation_loss(logits.float(), targets)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        smooth = loss.item() if step == 1 else 0.98 * smooth + 0.02 * loss.item()
        if step in plan.keep:
            kept[step] = {k: v.detach().clone() for k, v in net.state_dict().items()}
        if step % 50 == 0:
            progress(step / steps, f"{config.name} step {step} loss {smooth:.3f}, {time.monotonic() - began:.0f} s")
    return kept


def segmentation_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy plus soft Dice, mean over the batch; logits and targets [N, 1, n, n]."""
    overlap = soft_dice_loss(torch.sigmoid(logits), targets, (1, 2, 3))
    return F.binary_cross_entropy_with_logits(logits, targets) + overlap.mean()


def _batches(
    store: Store, config: ComparisonConfig, plan: ComparisonPlan, steps: int
) -> Iterator[tuple[Tensor, Tensor]]:
    rng = np.random.default_rng(plan.seed)
    table = store.manifest
    chosen = table[(table.split == TRAIN) & (table.kind == "object") & table.component]
    if chosen.empty:
        raise ManifestError("The store has no objects in its train split; prepare one with training sets.")
    by_set = [group.row.to_numpy() for _, group in chosen.groupby("set")]
    weights = np.array([len(rows) ** 0.5 for rows in by_set])
    weights /= weights.sum()
    n = config.size
    for _ in range(steps):
        inputs, targets = [], []
        for pick in rng.choice(len(by_set), plan.batch, p=weights):
            row = int(rng.choice(by_set[pick]))
            image, mask = store.image(int(table.image_id.iat[row])), store.mask(row)
            box = jittered(store.box(row), mask.shape, rng, plan.jitter)
            window = config.place(box, mask.shape, float(rng.uniform(1.3, 2.0)))
            sample = comparison_input(window_image(image, window, n), box_coverage(box, window, n))
            target = torch.from_numpy(
                coverage(np.ascontiguousarray(window.crop(mask, edge=False)), n).astype(np.float32) / 255
            )
            sample[:3] = sample[:3] * float(rng.uniform(0.8, 1.25)) + float(rng.normal(0, 0.1))
            flips = [d for d in (1, 2) if rng.random() < 0.5]
            inputs.append(torch.flip(sample, flips))
            targets.append(torch.flip(target[None], flips))
        yield torch.stack(inputs), torch.stack(targets)
