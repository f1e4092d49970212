"""A U-Net of a few ten thousand weights, trained in seconds on a few images: no file of weights belongs to it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..protocols import ShouldCancel, never_cancel, raise_if_cancelled

BATCH = 8


class SmallUNet(nn.Module):
    """Input float [B, 3, H, W] (sides divisible by 8), output logits [B, 1, H, W]. dropout: share of the deepest
    channels that a training step leaves out."""

    def __init__(self, width: int = 12, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout2d(dropout)
        w = (width, 2 * width, 4 * width, 4 * width)
        self.down = nn.ModuleList([_block(a, b) for a, b in zip((3, *w[:-1]), w, strict=True)])
        self.up = nn.ModuleList([_block(a + b, b) for a, b in zip(w[:0:-1], w[-2::-1], strict=True)])
        self.last = nn.Conv2d(w[0], 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for number, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if number else x)
            kept.append(x)
        x = self.dropout(x)
        for block, skip in zip(self.up, kept[-2::-1], strict=True):
            x = block(torch.cat([F.interpolate(x, scale_factor=2.0, mode="nearest"), skip], dim=1))
        out: Tensor = self.last(x)
        return out


def _block(into: int, out: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (into, out):
        layers += [nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def fitted(
    images: np.ndarray,
    masks: np.ndarray,
    steps: int,
    width: int = 12,
    rate: float = 4e-3,
    seed: int = 0,
    should_cancel: ShouldCancel = never_cancel,
    dropout: float = 0.0,
) -> SmallUNet:
    """The network after `steps` steps of `training`, ready to predict. Raises CancelledError."""
    trained = None
    for net in training(images, masks, steps, width, rate, seed, dropout):
        raise_if_cancelled(should_cancel)
        trained = net
    assert trained is not None, "at least one step"
    return trained.eval()


def training(
    images: np.ndarray,
    masks: np.ndarray,
    steps: int,
    width: int = 12,
    rate: float = 4e-3,
    seed: int = 0,
    dropout: float = 0.0,
) -> Iterator[SmallUNet]:
    """The network after each step, on images float32 [N, 3, H, W] with masks float32 [N, H, W] in [0, 1]: cross-entropy
    plus soft Dice, mirrored at random, the rate falls along a cosine. The caller may use it in between."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = SmallUNet(width, dropout)
    drawn = np.random.default_rng(seed)
    x, y = torch.from_numpy(images), torch.from_numpy(masks)
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        net.train()
        at = torch.from_numpy(drawn.integers(0, len(images), BATCH))
        image, mask = x[at], y[at][:, None]
        if drawn.random() < 0.5:
            image, mask = image.flip(3), mask.flip(3)
        loss = segmentation_loss(net(image), mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        yield net


def segmentation_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """Cross-entropy plus soft Dice over the batch; logits and mask [B, 1, H, W]."""
    p = torch.sigmoid(logits)
    overlap = 2 * (p * mask).sum() / (p.sum() + mask.sum() + 1)
    return F.binary_cross_entropy_with_logits(logits, mask) + 1 - overlap


@torch.inference_mode()
def predicted(net: SmallUNet, images: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Probabilities float32 [N, *shape] of images float32 [N, 3, H, W]."""
    net.eval()
    parts = [torch.sigmoid(net(torch.from_numpy(images[i : i + 32]))) for i in range(0, len(images), 32)]
    return F.interpolate(torch.cat(parts), shape, mode="bilinear")[:, 0].numpy()
