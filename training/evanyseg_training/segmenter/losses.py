"""Losses of the built-in segmenter, on logits [N, K, h, w] against one soft target [N, h, w] each."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..metrics.soft_dice import soft_dice_loss


def mask_losses(logits: Tensor, target: Tensor) -> Tensor:
    """[N, K]: binary cross-entropy plus soft Dice loss of each mask."""
    wanted = target[:, None].expand_as(logits)
    entropy = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none").mean((2, 3))
    return entropy + soft_dice_loss(torch.sigmoid(logits), wanted, (2, 3))


def iou_of(logits: Tensor, target: Tensor) -> Tensor:
    """[N, K]: intersection over union of the masks (logit > 0) with the target's cells that are over half inside."""
    masks, wanted = logits > 0, (target > 0.5)[:, None]
    both = (masks & wanted).sum((2, 3)).float()
    return both / (masks | wanted).sum((2, 3)).clamp(min=1)


def segmenter_loss(logits: Tensor, predicted_iou: Tensor, target: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Total and its parts: the single mask's loss, the best of the multi-masks' (with a little of all of them, so
    that none dies), and the squared error of every predicted IoU."""
    each = mask_losses(logits.float(), target)
    single, several = each[:, 0].mean(), each[:, 1:]
    multi = several.min(1).values.mean() + 0.05 * several.mean()
    true_iou = iou_of(logits.detach(), target)
    iou = F.mse_loss(predicted_iou.float(), true_iou)
    parts = {"single": single, "multi": multi, "iou": iou, "true_iou": true_iou[:, 0].mean()}
    return single + multi + iou, {k: v.detach() for k, v in parts.items()}
