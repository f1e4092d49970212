"""MobileSAM's image encoder: timm's TinyViT blocks under MobileSAM's key names.

Differences from the classifier TinyViT-5M: 1024 px input, the last merging keeps its resolution (stride 1), and SAM's
neck instead of the head. The files also hold the classifier's `norm_head` and `head`, which nothing uses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from segment_anything.modeling.common import LayerNorm2d
from timm.models.tiny_vit import TinyVit
from torch import Tensor, nn

from ..errors import WeightsError
from ..weights.strict import load_strict
from .sam_build import SamNet, build_mask_decoder, build_prompt_encoder

IMAGE_SIZE = 1024
WINDOWS = (7, 7, 14, 7)
UNUSED = ("image_encoder.norm_head.", "image_encoder.head.")


class TinyVitEncoder(nn.Module):
    """[B, 3, S, S] -> [B, out, S/16, S/16]."""

    def __init__(
        self, widths: tuple[int, ...], depths: tuple[int, ...], heads: tuple[int, ...], out: int = 256
    ) -> None:
        super().__init__()
        trunk: Any = TinyVit(
            num_classes=0,
            embed_dims=widths,
            depths=depths,
            num_heads=heads,
            window_sizes=WINDOWS,
            drop_path_rate=0.0,
        )
        trunk.stages[3].downsample.conv2.conv.stride = (1, 1)
        self.patch_embed, self.stages = trunk.patch_embed, trunk.stages
        self.neck = nn.Sequential(
            nn.Conv2d(widths[-1], out, 1, bias=False),
            LayerNorm2d(out),
            nn.Conv2d(out, out, 3, padding=1, bias=False),
            LayerNorm2d(out),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.neck(self.stages(self.patch_embed(x)))


def timm_key(key: str) -> str:
    """MobileSAM's name of an image encoder tensor -> this encoder's (timm's, where merging opens the next stage)."""
    key = re.sub(r"patch_embed\.seq\.(\d)\.", lambda m: f"patch_embed.conv{1 + int(m[1]) // 2}.", key)
    key = re.sub(r"layers\.(\d)\.downsample\.", lambda m: f"stages.{int(m[1]) + 1}.downsample.", key)
    key = re.sub(r"layers\.(\d)\.", r"stages.\1.", key)
    return re.sub(r"\.c\.", ".conv.", key)


def build_mobile_sam(state: Mapping[str, Tensor]) -> SamNet:
    """The network of MobileSAM's state dict, float32, eval mode. Raises WeightsError."""
    used = {k: v for k, v in state.items() if not k.startswith(UNUSED)}
    shapes = {k: tuple(v.shape) for k, v in used.items()}
    try:
        blocks = [k.split(".") for k in used if re.match(r"image_encoder\.layers\.\d\.blocks\.", k)]
        depths = tuple(1 + max(int(p[4]) for p in blocks if int(p[2]) == i) for i in range(4))
        merged = [shapes[f"image_encoder.layers.{i}.downsample.conv1.c.weight"][0] for i in range(3)]
        widths = (shapes["image_encoder.patch_embed.seq.2.c.weight"][0], *merged)
        attended = [shapes[f"image_encoder.layers.{i}.blocks.0.attn.attention_biases"][0] for i in (1, 2, 3)]
        net = SamNet(
            TinyVitEncoder(widths, depths, (1, *attended), out=shapes["image_encoder.neck.0.weight"][0]),
            build_prompt_encoder(shapes, IMAGE_SIZE),
            build_mask_decoder(shapes),
        )
    except (KeyError, ValueError, IndexError) as error:
        raise WeightsError(f"Not a whole MobileSAM file: {error} is missing or has another form.") from None
    load_strict(net, {timm_key(k) if k.startswith("image_encoder.") else k: v for k, v in used.items()}, "MobileSAM")
    with torch.no_grad():
        return net.eval()  # after loading: attention keeps biases gathered by an earlier eval()
