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
from segment_anything.modeling.mask_decoder import MaskDecoder
from segment_anything.modeling.prompt_encoder import PromptEncoder
from segment_anything.modeling.transformer import TwoWayTransformer
from torch import Tensor, nn

from .segmenter_blocks import Attention, Down, Residual, doubled, norm, pixel_norm

INPUT_SIDE = 256
NOT_A_POINT, NEGATIVE, POSITIVE, TOP_LEFT, BOTTOM_RIGHT = -1, 0, 1, 2, 3
"""Labels of prompt tokens, as in SAM's ONNX export."""


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


@dataclass(frozen=True)
class Features:
    """What the encoder gives for B views: embedding [B, C, 32, 32], skips [B, C/4, 64, 64] and [B, C/8, 128, 128]."""

    embedding: Tensor
    skip4: Tensor
    skip2: Tensor

    @property
    def nbytes(self) -> int:
        return sum(t.numel() * t.element_size() for t in (self.embedding, self.skip4, self.skip2))

    def repeat(self, prompts: int) -> Features:
        """Each view `prompts` times in a row."""
        each = [t.repeat_interleave(prompts, 0) for t in (self.embedding, self.skip4, self.skip2)]
        return Features(*each)


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

    def forward(self, views: Tensor, at: tuple[int, int] = (0, 0)) -> Features:
        """`at`: which cell of 32 px (row, column) of the whole view the window starts with."""
        at4 = self.stage4(views)
        at8 = self.stage8(at4)
        at16 = self.stage16(at8)
        at32 = self.stage32(at16)
        cells = INPUT_SIDE // 32
        position = self.position.view(1, cells, cells, -1)[:, at[0] :, at[1] :][:, : at32.shape[2], : at32.shape[3]]
        tokens = at32.flatten(2).transpose(1, 2) + position.flatten(1, 2)
        for block in self.attention:
            tokens = block(tokens)
        at16 = self.from16(at16 + doubled(self.from32(tokens.transpose(1, 2).reshape(at32.shape))))
        return Features(self.neck(self.from8(at8) + doubled(at16)), self.skip4(at4), self.skip2(views))


class Prompts(PromptEncoder):
    """SAM's prompt encoder for prompts of many views at once, with maps of the prompts besides their tokens."""

    def __init__(self, dim: int) -> None:
        grid = INPUT_SIDE // 8
        super().__init__(dim, (grid, grid), (INPUT_SIDE, INPUT_SIDE), mask_in_chans=16)
        self.maps = nn.Conv2d(4, dim, 3, padding=1)
        self.register_buffer("centres", (torch.arange(grid) + 0.5) * 8, persistent=False)
        self.register_buffer("fine_centres", (torch.arange(4 * grid) + 0.5) * 2, persistent=False)

    def tokens(self, coords: Tensor, labels: Tensor) -> Tensor:
        """[N, T, C] for coords [N, T, 2] (x, y in view pixels) and labels [N, T]."""
        placed = self.pe_layer.forward_with_coords(coords, self.input_image_size)
        real = (labels != NOT_A_POINT).unsqueeze(-1)
        kinds = torch.stack([e.weight[0] for e in self.point_embeddings])[labels.clamp(min=0)]
        return torch.where(real, placed + kinds, self.not_a_point_embed.weight[0].to(placed.dtype))

    def drawn(self, coords: Tensor, labels: Tensor, centres: tuple[Tensor, Tensor]) -> Tensor:
        """[N, 4, h, w]: how deep inside the box (two scales), bumps at positive and at negative points.

        The first two tokens are the box's corners, or no points. `centres`: rows and columns of the grid, in pixels.
        """
        y, x = centres[0].view(1, -1, 1), centres[1].view(1, 1, -1)
        boxed = (labels[:, 0] == TOP_LEFT).view(-1, 1, 1)
        low, high = coords[:, 0, :, None, None], coords[:, 1, :, None, None]
        depth = torch.minimum(
            torch.minimum(x - low[:, 0], high[:, 0] - x), torch.minimum(y - low[:, 1], high[:, 1] - y)
        )
        half = (high - low).amin(1).clamp(min=1) / 2
        inside = torch.sigmoid(depth / 2) * boxed
        central = (depth / half).clamp(-1, 1) * boxed
        at, kind = coords[:, 2:, :, None, None], labels[:, 2:, None, None]
        squared = (x[:, None] - at[:, :, 0]) ** 2 + (y[:, None] - at[:, :, 1]) ** 2
        bumps = torch.exp(-squared / (2 * 10.0**2))
        positive, negative = ((bumps * (kind == label)).amax(1) for label in (POSITIVE, NEGATIVE))
        return torch.stack([inside, central, positive, negative], 1)

    def ellipse(self, coords: Tensor, labels: Tensor, centres: tuple[Tensor, Tensor]) -> Tensor:
        """[N, 1, h, w]: logits of the ellipse inscribed in the box (0 without one), from which training starts."""
        y, x = centres[0].view(1, -1, 1), centres[1].view(1, 1, -1)
        boxed = (labels[:, 0] == TOP_LEFT).view(-1, 1, 1)
        centre = ((coords[:, 0] + coords[:, 1]) / 2)[..., None, None]
        radii = ((coords[:, 1] - coords[:, 0]) / 2).clamp(min=1)[..., None, None]
        squared = ((x - centre[:, 0]) / radii[:, 0]) ** 2 + ((y - centre[:, 1]) / radii[:, 1]) ** 2
        return ((1 - squared).clamp(min=-2) * boxed)[:, None]

    def grid(self, size: tuple[int, int], at: tuple[int, int], fine: bool) -> tuple[Tensor, Tensor]:
        """Centres in pixels of the rows and columns of a grid of `size` cells (8 px, or 2 px where fine)."""
        centres, per_cell = (self.fine_centres, 16) if fine else (self.centres, 4)
        rows, cols = (centres[per_cell * start :][:count] for start, count in zip(at, size, strict=True))
        return rows, cols

    def place_code(self, size: tuple[int, int], at: tuple[int, int]) -> Tensor:
        """[1, C, h, w]: SAM's code of each cell's place."""
        whole = self.get_dense_pe()
        return whole[:, :, 4 * at[0] :, 4 * at[1] :][:, :, : size[0], : size[1]]

    def dense(
        self, coords: Tensor, labels: Tensor, centres: tuple[Tensor, Tensor], mask_input: Tensor | None,
        has_mask_input: Tensor | None,
    ) -> Tensor:  # fmt: skip
        """[N, C, h, w] of the drawn prompt and the previous logits [N, 1, 4h, 4w] of those that have them."""
        drawn = self.maps(self.drawn(coords, labels, centres))
        none = self.no_mask_embed.weight.view(1, -1, 1, 1)
        if mask_input is None or has_mask_input is None:
            return drawn + none
        return drawn + torch.where(has_mask_input.view(-1, 1, 1, 1), self.mask_downscaling(mask_input), none)


class Decoder(MaskDecoder):
    """SAM's mask decoder for prompts of many views at once, with a mixing block before and skips after."""

    def __init__(self, arch: SegmenterArchitecture) -> None:
        dim = arch.transformer_dim
        transformer = TwoWayTransformer(arch.transformer_depth, dim, arch.heads, arch.mlp_dim)
        super().__init__(
            transformer_dim=dim,
            transformer=transformer,
            num_multimask_outputs=arch.multimasks,
            activation=nn.ReLU if arch.light else nn.GELU,
        )
        self.output_upscaling[1] = pixel_norm(dim // 4, arch.light)
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


class BuiltinSegmenterNet(nn.Module):
    """The whole network. Prompts are coords [N, T, 2] in view pixels and labels [N, T]; the first two tokens are the
    box's corners (or `NOT_A_POINT`), the rest points. `POINT_SLOTS` of them at least, as in training."""

    POINT_SLOTS = 3

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
