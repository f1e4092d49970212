"""EvanySeg's ViT regressors (arXiv 2409.14874) on timm, from the authors' files.

The files hold Hugging Face's names: query, key and value apart, LayerNorm eps 1e-12, no pooler. The feature is the
class token after the last LayerNorm; the heads are linear and not clamped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from ..errors import WeightsError
from ..weights.strict import load_strict

HEAD_WIDTH = 64
"""Width of an attention head in ViT-b and ViT-l."""
LAYER = re.compile(r"vit\.encoder\.layer\.(\d+)\.(.+)\.(weight|bias)$")
LAYER_PARTS = {
    "attention.output.dense": "attn.proj",
    "intermediate.dense": "mlp.fc1",
    "output.dense": "mlp.fc2",
    "layernorm_before": "norm1",
    "layernorm_after": "norm2",
}
OTHERS = {
    "vit.embeddings.cls_token": "vit.cls_token",
    "vit.embeddings.position_embeddings": "vit.pos_embed",
    "vit.embeddings.patch_embeddings.projection.weight": "vit.patch_embed.proj.weight",
    "vit.embeddings.patch_embeddings.projection.bias": "vit.patch_embed.proj.bias",
    "vit.layernorm.weight": "vit.norm.weight",
    "vit.layernorm.bias": "vit.norm.bias",
}


class EvanySegVit(nn.Module):
    """[N, 3, S, S] normalised -> 'dice' [N] and, with the second head, 'distance' [N] (Hausdorff, pixels)."""

    def __init__(self, width: int, depth: int, image_size: int, patch: int, distance: bool) -> None:
        super().__init__()
        self.vit = VisionTransformer(
            img_size=image_size,
            patch_size=patch,
            embed_dim=width,
            depth=depth,
            num_heads=max(width // HEAD_WIDTH, 1),
            num_classes=0,
            norm_layer=partial(nn.LayerNorm, eps=1e-12),
        )
        self.classifier = nn.Linear(width, 1)
        self.hd_classifier = nn.Linear(width, 1) if distance else None

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        feature = self.vit(pixels)
        out = {"dice": self.classifier(feature)[:, 0]}
        if self.hd_classifier is not None:
            out["distance"] = self.hd_classifier(feature)[:, 0]
        return out


def to_timm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The file's tensors under timm's names; query, key and value of a layer joined in that order."""
    out: dict[str, Tensor] = {}
    for key, value in state.items():
        found = LAYER.match(key)
        if found is None:
            # some files call the first head dice_classifier, as the ResNet's do
            out[OTHERS.get(key, key.replace("dice_classifier.", "classifier."))] = value
            continue
        layer, part, kind = found.groups()
        block = f"vit.blocks.{layer}."
        if part.startswith("attention.attention."):
            names = [f"vit.encoder.layer.{layer}.attention.attention.{p}.{kind}" for p in ("query", "key", "value")]
            if all(n in state for n in names):
                out[f"{block}attn.qkv.{kind}"] = torch.cat([state[n] for n in names])
        else:
            out[f"{block}{LAYER_PARTS.get(part, part)}.{kind}"] = value
    return out


def build_evanyseg_vit(state: Mapping[str, Tensor]) -> EvanySegVit:
    """The network of a released ViT file (200 tensors, ViT-l 392, two more with two heads). Raises WeightsError."""
    try:
        width = state["vit.embeddings.cls_token"].shape[-1]
        tokens = state["vit.embeddings.position_embeddings"].shape[1]
        patch = state["vit.embeddings.patch_embeddings.projection.weight"].shape[-1]
    except (KeyError, IndexError) as error:
        raise WeightsError(f"Not an EvanySeg ViT file: {error} is missing or has another form.") from None
    layers = {int(m[1]) for m in map(LAYER.match, state) if m}
    side = round((tokens - 1) ** 0.5) * patch
    with torch.device("meta"):
        net = EvanySegVit(width, 1 + max(layers, default=-1), side, patch, "hd_classifier.weight" in state)
    return load_strict(net, to_timm(state), "EvanySeg ViT")
