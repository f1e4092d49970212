"""The built-in segmenter's network: SAM's prompt encoder and mask decoder on a small encoder, 256 px, stride 8.

What differs from SAM (Kirillov et al. 2023), because the network is small and trained from scratch:
a convolutional encoder with a few transformer blocks at stride 32; skip features at strides 4 and 2 enter the decoder's
upscaling (as in SAM 2); prompts are also drawn as maps and mixed with the embedding by a light convolutional block,
so that the decoder need not learn where a box is from its corner tokens alone.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..segmenters.features import Features
from .builtin.segmenter_blocks import Attention, Down, Residual, doubled, norm, pixel_norm
from .builtin.segmenter_decoder import Decoder
from .builtin.segmenter_prompts import INPUT_SIDE, Prompts


@dataclass(frozen=True)
class SegmenterArchitecture:
    """Sizes of the network; kept beside the weights. `light`: group norm and ReLU where SAM's decoder has per-pixel
    norm and GELU, which halves the memory traffic of training on a CPU."""

    widths: tuple[int, int, int, int] = (48, 96, 192, 256)
    blocks: tuple[int, int, int, int] = (1, 2, 2, 1)
    attention_blocks: int = 2
    transformer_dim: int = 96
    transformer_depth: int = 1
    mlp_dim: int = 384
    heads: int = 6
    multimasks: int = 3
    light: bool = False

    def as_dict(self) -> dict[str, Any]:
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> SegmenterArchitecture:
        sizes: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**sizes)


class Encoder(nn.Module):
    """Views [B, 3, 256, 256], or windows of them (training is cheaper on those), to `Features`."""

    def __init__(self, arch: SegmenterArchitecture) -> None:
        super().__init__()
        w4, w8, w16, w32 = arch.widths
        dim = arch.transformer_dim

        def stage(width: int, blocks: int) -> list[nn.Module]:
            return [Residual(width) for _ in range(blocks)]

        self.stage4 = nn.Sequential(nn.PixelUnshuffle(4), nn.Conv2d(48, w4, 3, padding=1), *stage(w4, arch.blocks[0]))
        self.stage8 = nn.Sequential(Down(w4, w8), *stage(w8, arch.blocks[1]))
        self.stage16 = nn.Sequential(Down(w8, w16), *stage(w16, arch.blocks[2]))
        self.stage32 = nn.Sequential(Down(w16, w32), *stage(w32, arch.blocks[3]))
        self.position = nn.Parameter(torch.randn(1, (INPUT_SIDE // 32) ** 2, w32) * 0.02)
        self.attention = nn.ModuleList(Attention(w32, w32 // 32) for _ in range(arch.attention_blocks))
        self.from32, self.from16 = nn.Conv2d(w32, w16, 1), nn.Sequential(Residual(w16), nn.Conv2d(w16, dim, 1))
        self.from8 = nn.Conv2d(w8, dim, 1)
        self.neck = nn.Sequential(norm(dim), nn.ReLU(), nn.Conv2d(dim, dim, 3, padding=1), pixel_norm(dim, arch.light))
        self.skip4 = nn.Conv2d(w4, dim // 4, 1)
        self.skip2 = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(12, dim // 8, 3, padding=1))

    def forward(self, crops: Tensor, at: tuple[int, int] = (0, 0)) -> Features:
        """`at`: which cell of 32 px (row, column) of the whole crop the window starts with."""
        at4 = self.stage4(crops)
        at8 = self.stage8(at4)
        at16 = self.stage16(at8)
        at32 = self.stage32(at16)
        cells = INPUT_SIDE // 32
        position = self.position.view(1, cells, cells, -1)[:, at[0] :, at[1] :][:, : at32.shape[2], : at32.shape[3]]
        tokens = at32.flatten(2).transpose(1, 2) + position.flatten(1, 2)
        for block in self.attention:
            tokens = block(tokens)
        at16 = self.from16(at16 + doubled(self.from32(tokens.transpose(1, 2).reshape(at32.shape))))
        return Features(self.neck(self.from8(at8) + doubled(at16)), self.skip4(at4), self.skip2(crops))


class BuiltinSegmenterNet(nn.Module):
    """The whole network. Prompts are coords [N, T, 2] in crop pixels and labels [N, T]; the first two tokens are the
    box's corners (or `NOT_A_POINT`), the rest points: see `segmenters.tokens`."""

    def __init__(self, arch: SegmenterArchitecture | None = None) -> None:
        super().__init__()
        self.arch = arch or SegmenterArchitecture()
        self.encoder = Encoder(self.arch)
        self.prompts = Prompts(self.arch.transformer_dim)
        self.decoder = Decoder(self.arch)

    def decode(
        self,
        features: Features,
        coords: Tensor,
        labels: Tensor,
        mask_input: Tensor | None = None,
        has_mask_input: Tensor | None = None,
        at: tuple[int, int] = (0, 0),
    ) -> tuple[Tensor, Tensor]:
        """Logits [N, 4, 128, 128] (single mask first, then the three of the multi-mask answer), IoU [N, 4]."""
        high, wide = features.embedding.shape[-2:]
        prompts = self.prompts
        sparse = prompts.tokens(coords, labels)
        dense = prompts.dense(coords, labels, prompts.grid((high, wide), at, False), mask_input, has_mask_input)
        prior = prompts.ellipse(coords, labels, prompts.grid((4 * high, 4 * wide), at, True))
        return self.decoder.masks(features, prompts.place_code((high, wide), at), sparse, dense, prior)
