"""A vision transformer's block without timm, whose import takes longer than any of our networks runs."""

from __future__ import annotations

from torch import Tensor, nn


class SelfAttention(nn.Module):
    """Plain products instead of the fused kernel: on a few dozen tokens they are faster on a CPU, both ways."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        count, tokens, channels = x.shape
        qkv = self.qkv(x).reshape(count, tokens, 3, self.heads, channels // self.heads).permute(2, 0, 3, 1, 4)
        query, key, value = qkv.unbind(0)
        shares = (query * (channels // self.heads) ** -0.5 @ key.transpose(-2, -1)).softmax(dim=-1)
        return self.proj((shares @ value).transpose(1, 2).reshape(count, tokens, channels))


class TwoLayers(nn.Module):
    def __init__(self, channels: int, inside: int) -> None:
        super().__init__()
        self.fc1, self.act, self.fc2 = nn.Linear(channels, inside), nn.GELU(), nn.Linear(inside, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.act(self.fc1(x)))


class Block(nn.Module):
    """Pre-norm attention and two layers on tokens [N, T, C]; weights are named as in timm's `Block`."""

    def __init__(self, channels: int, heads: int, widening: int = 4) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels, eps=1e-6)
        self.attn = SelfAttention(channels, heads)
        self.norm2 = nn.LayerNorm(channels, eps=1e-6)
        self.mlp = TwoLayers(channels, widening * channels)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))
