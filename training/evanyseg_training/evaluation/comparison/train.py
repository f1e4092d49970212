"""Training of a rival: minutes, on the train split alone, balanced over data sets."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from evanyseg.prompts import BoxPrompt
from evanyseg.protocols import Progress, no_progress
from evanyseg.quality.context import box_coverage, coverage, window_image

from ...data.manifest import TRAIN, ManifestError
from ...data.store import Store
from .model import Rival, RivalConfig, build_net, rival_input


@dataclass(frozen=True)
class RivalPlan:
    """`keep`: steps whose weights are kept; the last one is the trained rival. `jitter`: of each box edge, as a share
    of the side."""

    keep: tuple[int, ...] = (40, 120, 400, 1600)
    batch: int = 16
    rate: float = 2e-3
    jitter: float = 0.1
    seed: int = 11


def train_rival(
    store: Store, config: RivalConfig, plan: RivalPlan | None = None, progress: Progress = no_progress
) -> dict[int, dict[str, Tensor]]:
    """State dicts by step. Raises ManifestError when the store has no training objects."""
    plan = plan or RivalPlan()
    torch.manual_seed(plan.seed)
    net = build_net(config)
    optimiser = torch.optim.AdamW(net.parameters(), plan.rate, weight_decay=1e-2)
    steps = max(plan.keep)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda s: min((s + 1) / 100, 1.0) * (0.5 + 0.5 * math.cos(math.pi * s / (steps + 1)))
    )
    kept: dict[int, dict[str, Tensor]] = {}
    began, smooth = time.monotonic(), 0.0
    for step, (inputs, targets) in enumerate(_batches(store, config, plan, steps), start=1):
        with torch.autocast("cpu", torch.bfloat16):
            logits = net(inputs)
        loss = segmentation_loss(logits.float(), targets)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        smooth = loss.item() if step == 1 else 0.98 * smooth + 0.02 * loss.item()
        if step in plan.keep:
            kept[step] = {k: v.detach().clone() for k, v in net.state_dict().items()}
        if step % 50 == 0:
            progress(step / steps, f"{config.name} step {step} loss {smooth:.3f}, {time.monotonic() - began:.0f} s")
    return kept


def segmentation_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy plus soft Dice, mean over the batch; logits and targets [N, 1, n, n]."""
    shares = torch.sigmoid(logits)
    overlap = (shares * targets).sum((1, 2, 3))
    total = shares.sum((1, 2, 3)) + targets.sum((1, 2, 3))
    return F.binary_cross_entropy_with_logits(logits, targets) + (1 - (2 * overlap + 1) / (total + 1)).mean()


def final_rival(config: RivalConfig, states: dict[int, dict[str, Tensor]]) -> Rival:
    net = build_net(config)
    net.load_state_dict(states[max(states)])
    return Rival(config, net, max(states))


def jittered(
    box: BoxPrompt, rng: np.random.Generator, share: float, shape: Sequence[int], least: float = 0.0
) -> BoxPrompt:
    """Each edge moved by least..share of its side, out or in; kept on the image and at least two pixels wide."""
    moves = rng.uniform(least, share, 4) * rng.choice((-1, 1), 4) * np.array([box.width, box.height] * 2)
    x0, y0 = max(box.x0 + moves[0], 0.0), max(box.y0 + moves[1], 0.0)
    x1, y1 = min(box.x1 + moves[2], float(shape[1])), min(box.y1 + moves[3], float(shape[0]))
    if x1 - x0 < 2 or y1 - y0 < 2:
        return box
    return BoxPrompt(x0, y0, x1, y1)


def _batches(store: Store, config: RivalConfig, plan: RivalPlan, steps: int) -> Iterator[tuple[Tensor, Tensor]]:
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
            box = jittered(store.box(row), rng, plan.jitter, mask.shape)
            window = config.place(box, mask.shape, float(rng.uniform(1.3, 2.0)))
            sample = rival_input(window_image(image, window, n), box_coverage(box, window, n))
            target = torch.from_numpy(
                coverage(np.ascontiguousarray(window.crop(mask, edge=False)), n).astype(np.float32) / 255
            )
            sample[:3] = sample[:3] * float(rng.uniform(0.8, 1.25)) + float(rng.normal(0, 0.1))
            flips = [d for d in (1, 2) if rng.random() < 0.5]
            inputs.append(torch.flip(sample, flips))
            targets.append(torch.flip(target[None], flips))
        yield torch.stack(inputs), torch.stack(targets)
