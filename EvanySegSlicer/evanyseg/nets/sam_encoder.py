"""SAM's ViT encoder with two changes that leave its numbers alone: attention in slices, and SAM-Med2D's adapter.

segment_anything builds the whole attention matrix of a global block at once (ViT-H at 1024 px: several GB at a time).
Here it is computed for some rows of queries at a time: the same sums, little memory, and places to stop.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from segment_anything.modeling.image_encoder import Attention, Block, ImageEncoderViT, get_rel_pos
from torch import Tensor, nn
from torch.nn import functional as F

MAX_BIAS_ELEMENTS = 2**24
"""Elements of the position bias made at a time: 64 MB in float32."""


class SlicedAttention(Attention):
    """Attention with decomposed relative positions (SAM, appendix A) over [B, H, W, C], some query rows at a time."""

    def forward(self, x: Tensor) -> Tensor:
        batch, height, width, _ = x.shape
        tokens = height * width
        q, k, v = self.qkv(x).reshape(batch, tokens, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        if not self.use_rel_pos:
            out = F.scaled_dot_product_attention(q, k, v, scale=self.scale)
            return self.proj(out.transpose(1, 2).reshape(batch, height, width, -1))
        along_rows = get_rel_pos(height, height, self.rel_pos_h)
        along_columns = get_rel_pos(width, width, self.rel_pos_w)
        step = max(1, MAX_BIAS_ELEMENTS // (batch * self.num_heads * width * tokens))
        parts = []
        for row in range(0, height, step):
            rows = slice(row, min(row + step, height))
            query = q[:, :, rows.start * width : rows.stop * width]
            grid = query.reshape(batch, self.num_heads, -1, width, query.shape[-1])
            by_row = torch.einsum("bnrwd,rkd->bnrwk", grid, along_rows[rows])
            by_column = torch.einsum("bnrwd,wkd->bnrwk", grid, along_columns)
            bias = (by_row[..., :, None] + by_column[..., None, :]).reshape(*query.shape[:3], tokens)
            parts.append(F.scaled_dot_product_attention(query, k, v, attn_mask=bias, scale=self.scale))
        out = torch.cat(parts, dim=2).transpose(1, 2)
        return self.proj(out.reshape(batch, height, width, -1))


class Adapter(nn.Module):
    """SAM-Med2D's adapter (Cheng et al., arXiv 2308.16184, figure 4): squeeze-and-excitation, then a strided
    convolution and its transpose, added to the input and normalised. [B, H, W, C] -> [B, H, W, C]."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.channel = nn.Sequential(
            nn.Linear(width, hidden, bias=False), nn.ReLU(), nn.Linear(hidden, width, bias=False), nn.Sigmoid()
        )
        self.spatial = nn.Sequential(
            nn.Conv2d(width, width, 3, stride=2, padding=1, bias=False),
            nn.ReLU(),
            nn.ConvTranspose2d(width, width, 4, stride=2, padding=1, bias=False),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        weighted = x * self.channel(x.mean(dim=(1, 2)))[:, None, None]
        detail = self.spatial(weighted.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return self.norm(x + detail)


class EncoderBlock(Block):
    """SAM's block with sliced attention and, for SAM-Med2D, an adapter parallel to the MLP."""

    mlp: Any

    def __init__(self, width: int, heads: int, mlp: int, window: int, grid: int, adapter: int | None) -> None:
        norm = partial(nn.LayerNorm, eps=1e-6)
        super().__init__(
            width, heads, mlp / width, norm_layer=norm, use_rel_pos=True, window_size=window, input_size=(grid, grid)
        )
        size = window or grid
        self.attn = SlicedAttention(width, heads, use_rel_pos=True, input_size=(size, size))
        if adapter is not None:
            self.Adapter = Adapter(width, adapter)  # the attribute's name is the checkpoint's
            self.mlp = BesideMlp(self.mlp, self.Adapter)


class BesideMlp(nn.Module):
    """mlp(x) + adapter(x) in the place of mlp(x); owns neither name in the checkpoint but the MLP's own."""

    def __init__(self, mlp: Any, adapter: nn.Module) -> None:
        super().__init__()
        self.lin1, self.lin2, self.act = mlp.lin1, mlp.lin2, mlp.act
        self._adapter = [adapter]  # in a list: not registered a second time

    def forward(self, x: Tensor) -> Tensor:
        return self.lin2(self.act(self.lin1(x))) + self._adapter[0](x)


def build_encoder(
    width: int,
    depth: int,
    heads: int,
    image_size: int,
    global_blocks: tuple[int, ...],
    window: int = 14,
    mlp: int | None = None,
    out: int = 256,
    adapter: int | None = None,
) -> ImageEncoderViT:
    """SAM's image encoder [B, 3, S, S] -> [B, out, S/16, S/16] for images of `image_size` S; `mlp` hidden width
    (default 4 x width); `adapter`: hidden width of SAM-Med2D's adapters, None for none."""
    encoder = ImageEncoderViT(
        img_size=image_size,
        embed_dim=width,
        depth=0,
        num_heads=heads,
        out_chans=out,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
    )
    grid = image_size // 16
    encoder.blocks.extend(
        EncoderBlock(width, heads, mlp or 4 * width, 0 if i in global_blocks else window, grid, adapter)
        for i in range(depth)
    )
    return encoder
