"""The built-in segmenter's mask decoder: SAM's (Kirillov et al. 2023), on a small encoder with skip features.

Weights are named as in `segment_anything`, which the built-in networks do not import: it loads torchvision.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .segmenter_blocks import Down, Residual, doubled, norm, pixel_norm

if TYPE_CHECKING:
    from ...segmenters.features import Features
    from ..builtin_segmenter import SegmenterArchitecture

IOU_WIDTH = 256


class Projections(nn.Module):
    """Attention of queries [N, T, C] to keys and values [N, S, C], inside in C / `narrower` channels."""

    def __init__(self, channels: int, heads: int, narrower: int = 1) -> None:
        super().__init__()
        self.heads, inside = heads, channels // narrower
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(channels, inside) for _ in range(3))
        self.out_proj = nn.Linear(inside, channels)

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        parts = (self.q_proj(q), self.k_proj(k), self.v_proj(v))
        q, k, v = (p.reshape(*p.shape[:2], self.heads, -1).transpose(1, 2) for p in parts)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2)
        return self.out_proj(mixed.reshape(*mixed.shape[:2], -1))


class TwoLayers(nn.Module):
    def __init__(self, channels: int, inside: int) -> None:
        super().__init__()
        self.lin1, self.lin2 = nn.Linear(channels, inside), nn.Linear(inside, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.lin2(F.relu(self.lin1(x)))


class Head(nn.Module):
    """Three linear layers with ReLU between them."""

    def __init__(self, inputs: int, inside: int, outputs: int) -> None:
        super().__init__()
        widths = (inputs, inside, inside, outputs)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        first, second, last = self.layers
        return last(F.relu(second(F.relu(first(x)))))


class TwoWayBlock(nn.Module):
    """Tokens attend to themselves and to the image, then the image to the tokens. In the first block the tokens are
    their own place code."""

    def __init__(self, channels: int, heads: int, inside: int, first: bool) -> None:
        super().__init__()
        self.first = first
        self.self_attn = Projections(channels, heads)
        self.norm1 = nn.LayerNorm(channels)
        self.cross_attn_token_to_image = Projections(channels, heads, 2)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = TwoLayers(channels, inside)
        self.norm3 = nn.LayerNorm(channels)
        self.norm4 = nn.LayerNorm(channels)
        self.cross_attn_image_to_token = Projections(channels, heads, 2)

    def forward(self, tokens: Tensor, image: Tensor, token_code: Tensor, image_code: Tensor) -> tuple[Tensor, Tensor]:
        if self.first:
            tokens = self.self_attn(tokens, tokens, tokens)
        else:
            placed = tokens + token_code
            tokens = tokens + self.self_attn(placed, placed, tokens)
        tokens = self.norm1(tokens)
        tokens = self.norm2(tokens + self.cross_attn_token_to_image(tokens + token_code, image + image_code, image))
        tokens = self.norm3(tokens + self.mlp(tokens))
        image = self.norm4(image + self.cross_attn_image_to_token(image + image_code, tokens + token_code, tokens))
        return tokens, image


class TwoWayTransformer(nn.Module):
    def __init__(self, depth: int, channels: int, heads: int, inside: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(TwoWayBlock(channels, heads, inside, i == 0) for i in range(depth))
        self.final_attn_token_to_image = Projections(channels, heads, 2)
        self.norm_final_attn = nn.LayerNorm(channels)

    def forward(self, image: Tensor, code: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens [N, T, C] and image [N, h * w, C] of image and its place code [N, C, h, w], tokens [N, T, C]."""
        image, code = (t.flatten(2).transpose(1, 2) for t in (image, code))
        answer = tokens
        for layer in self.layers:
            answer, image = layer(answer, image, tokens, code)
        answer = answer + self.final_attn_token_to_image(answer + tokens, image + code, image)
        return self.norm_final_attn(answer), image


class Decoder(nn.Module):
    """SAM's mask decoder for prompts of many crops at once, with a mixing block before and skips after."""

    def __init__(self, arch: SegmenterArchitecture) -> None:
        super().__init__()
        dim, activation = arch.transformer_dim, nn.ReLU if arch.light else nn.GELU
        self.transformer = TwoWayTransformer(arch.transformer_depth, dim, arch.heads, arch.mlp_dim)
        self.iou_token = nn.Embedding(1, dim)
        self.num_mask_tokens = arch.multimasks + 1
        self.mask_tokens = nn.Embedding(self.num_mask_tokens, dim)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(dim, dim // 4, 2, stride=2), pixel_norm(dim // 4, arch.light), activation(),
            nn.ConvTranspose2d(dim // 4, dim // 8, 2, stride=2), activation(),
        )  # fmt: skip
        self.output_hypernetworks_mlps = nn.ModuleList(Head(dim, dim, dim // 8) for _ in range(self.num_mask_tokens))
        self.iou_prediction_head = Head(dim, IOU_WIDTH, self.num_mask_tokens)
        self.mix = Residual(dim)
        self.mix_wide = nn.Sequential(Down(dim, 2 * dim), Residual(2 * dim), norm(2 * dim), nn.Conv2d(2 * dim, dim, 1))
        self.mix_norm = pixel_norm(dim, arch.light)
        self.prior_scale = nn.Parameter(torch.full((1, self.num_mask_tokens, 1, 1), 2.0))
        self.refine = nn.Conv2d(dim // 4, dim // 4, 3, padding=1)

    def masks(
        self, features: Features, pe: Tensor, sparse: Tensor, dense: Tensor, prior: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Logits [N, 4, 128, 128], predicted IoU [N, 4]; features, prompts, prior [N, 1, 128, 128] aligned along N."""
        own = torch.cat([self.iou_token.weight, self.mask_tokens.weight])
        tokens = torch.cat([own.expand(len(sparse), -1, -1), sparse.to(own.dtype)], 1)
        mixed = self.mix(features.embedding + dense)
        mixed = mixed + doubled(self.mix_wide(mixed))
        mixed = self.mix_norm(mixed)
        out, source = self.transformer(mixed, pe.expand_as(mixed), tokens)
        source = source.transpose(1, 2).reshape(mixed.shape)
        up1, norm1, act1, up2, act2 = self.output_upscaling
        at4 = act1(norm1(up1(source) + features.skip4))
        at4 = at4 + self.refine(at4)
        at2 = act2(up2(at4) + features.skip2)
        count = self.num_mask_tokens
        hyper = torch.stack([self.output_hypernetworks_mlps[i](out[:, 1 + i]) for i in range(count)], 1)
        logits = (hyper @ at2.flatten(2).to(hyper.dtype)).view(len(out), count, *at2.shape[-2:])
        return logits + self.prior_scale * prior, self.iou_prediction_head(out[:, 0])
