"""Losses of the estimator. All take float32 tensors of one batch and return a scalar."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from evanyseg.nets.builtin_estimator import QUANTILES, EstimatorOutput

from ..metrics.soft_dice import soft_dice_loss


@dataclass(frozen=True)
class LossWeights:
    dice: float = 4.0
    ranking: float = 2.0
    maps: float = 1.0
    pinball: float = 2.0
    hd95: float = 0.2
    published: bool = False
    """EvanySeg's own loss instead: MSE of Dice, plus 1e-4 MSE of the distance in pixels where there is that head."""


def ranking_loss(predicted: Tensor, true: Tensor, owner: Tensor, slack: float = 0.02) -> Tensor:
    """Mean over pairs of masks of one object (same `owner`) with |difference| > slack of
    max(0, half the true difference - predicted difference in the right direction)."""
    difference = true[:, None] - true[None]
    pairs = (owner[:, None] == owner[None]) & (difference > slack)
    if not pairs.any():
        return predicted.sum() * 0.0
    gap = (predicted[:, None] - predicted[None])[pairs]
    return F.relu(0.5 * difference[pairs] - gap).mean()


def pinball_loss(quantiles: Tensor, true: Tensor, levels: tuple[float, ...] = QUANTILES) -> Tensor:
    """Mean over the levels of max(q (y - f), (q - 1)(y - f)); quantiles [N, Q], true [N]."""
    error = true[:, None] - quantiles
    level = torch.tensor(levels, device=quantiles.device)
    return torch.maximum(level * error, (level - 1) * error).mean()


def map_loss(fp_logits: Tensor, fn_logits: Tensor, maps: Tensor, mask: Tensor) -> Tensor:
    """Binary cross-entropy plus soft Dice of both error maps; FP counts where the mask is, FN where it is not.

    maps [N, 2, n, n] share of each cell that is wrongly in, wrongly out; mask [N, n, n] coverage. The maps answer for
    the pixels that can be wrong: in a cell that the mask covers to a third, all of it wrongly, the FP map should say 1.
    """
    logits = torch.stack([fp_logits, fn_logits], dim=1)
    where = torch.stack([mask, 1 - mask], dim=1)
    target = (maps / where.clamp(min=1e-3)).clamp(max=1)
    cross = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    # a pixel of the mask weighs as much as the whole of the ground beyond it would: objects are small
    share = where.mean((2, 3), keepdim=True).clamp(min=0.02)
    entropy = (cross * where / share).mean()
    return entropy + soft_dice_loss(torch.sigmoid(logits), target, (2, 3), where).mean()


def estimator_loss(
    output: EstimatorOutput, batch: dict[str, Tensor], weights: LossWeights
) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted sum and its parts. batch: dice [N], log_hd95 [N] (NaN: unknown), pixels uint8, owner [N], and where
    the input has them maps uint8."""
    true = batch["dice"].float()
    if weights.published:
        return published_loss(output, batch)
    known = torch.isfinite(batch["log_hd95"])
    distance = F.huber_loss(output.log_hd95[known], batch["log_hd95"][known]) if known.any() else true.sum() * 0.0
    parts = {
        "dice": F.smooth_l1_loss(output.dice, true, beta=0.1),
        "ranking": ranking_loss(output.dice, true, batch["owner"]),
        "pinball": pinball_loss(output.quantiles, true),
        "hd95": distance,
    }
    if "maps" in batch:
        mask = F.avg_pool2d(batch["pixels"][:, 3:4].float() / 255, 2)[:, 0]
        parts["maps"] = map_loss(output.fp_logits, output.fn_logits, batch["maps"].float() / 255, mask)
    total = sum((getattr(weights, name) * value for name, value in parts.items()), start=true.sum() * 0.0)
    return total, parts


def published_loss(output: EstimatorOutput, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """MSE(Dice) + 1e-4 MSE(distance): there the distance head gives pixels (Senbi et al., two-head variant)."""
    parts = {"dice": F.mse_loss(output.dice, batch["dice"].float())}
    known = torch.isfinite(batch["hd95"])
    if known.any():
        parts["hd95"] = F.mse_loss(output.log_hd95[known], batch["hd95"][known].float())
    return parts["dice"] + 1e-4 * parts.get("hd95", parts["dice"] * 0.0), parts
