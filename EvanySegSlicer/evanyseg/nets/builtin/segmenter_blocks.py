"""The blocks that the built-in segmenter is made of."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Layer = TypeVar("Layer", nn.Conv2d, nn.Linear)


def norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(8, channels)


def silent(layer: Layer) -> Layer:
    """The last layer of a residual branch gives 0 at first: the block begins as the identity."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class Residual(nn.Module):
    """Two 3x3 convolutions with group norm; pre-activation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        last = silent(nn.Conv2d(channels, channels, 3, padding=1))
        self.body = nn.Sequential(
            norm(channels), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            norm(channels), nn.ReLU(), last,
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Attention(nn.Module):
    """Pre-norm transformer block on tokens [B, N, C]."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.qkv, self.out = nn.Linear(channels, 3 * channels), silent(nn.Linear(channels, channels))
        last = silent(nn.Linear(4 * channels, channels))
        self.mlp = nn.Sequential(nn.Linear(channels, 4 * channels), nn.GELU(), last)

    def forward(self, x: Tensor) -> Tensor:
        batch, count, channels = x.shape
        qkv = self.qkv(self.norm1(x)).view(batch, count, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2])
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, count, channels))
        return x + self.mlp(self.norm2(x))


class PixelNorm(nn.Module):
    """Layer norm over the channels of each pixel (SAM's LayerNorm2d)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        centered = x - x.mean(1, keepdim=True)
        scaled = centered / torch.sqrt(centered.pow(2).mean(1, keepdim=True) + 1e-6)
        return self.weight[:, None, None] * scaled + self.bias[:, None, None]


def pixel_norm(channels: int, light: bool) -> nn.Module:
    return nn.GroupNorm(1, channels) if light else PixelNorm(channels)


def doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")


class Down(nn.Sequential):
    """Halves the grid: 2x2 patches to the next width."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__(norm(before), nn.Conv2d(before, after, 2, stride=2))
