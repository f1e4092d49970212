"""A SAM network from nothing but its tensors: the architecture is read off the shapes, then keys must match exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from segment_anything.modeling import MaskDecoder, PromptEncoder, TwoWayTransformer
from torch import Tensor, nn

from ..errors import WeightsError
from ..weights.strict import load_strict
from .sam_encoder import build_encoder

Shapes = Mapping[str, Sequence[int]]
DECODER_HEADS = 8
"""Attention heads of SAM's mask decoder: the only number its tensors do not tell."""
ADAPTER_KEY = "image_encoder.blocks.0.Adapter.channel.0.weight"


class SamNet(nn.Module):
    """Image encoder, prompt encoder, mask decoder, named as in SAM's files. Preprocessing is the caller's."""

    def __init__(self, image_encoder: nn.Module, prompt_encoder: PromptEncoder, mask_decoder: MaskDecoder) -> None:
        super().__init__()
        self.image_encoder = image_encoder
        self.prompt_encoder = prompt_encoder
        self.mask_decoder = mask_decoder

    @property
    def image_size(self) -> int:
        return int(self.prompt_encoder.input_image_size[0])

    def decode(
        self, features: Tensor, points: tuple[Tensor, Tensor] | None, boxes: Tensor | None, mask_input: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Logits [1, tokens, h, w] and predicted IoU [1, tokens] of one prompt in pixels of the network's input:
        token 0 is the single mask, the others are the alternatives of an ambiguous prompt."""
        sparse, dense = self.prompt_encoder(points=points, boxes=boxes, masks=mask_input)
        return self.mask_decoder.predict_masks(
            image_embeddings=features,
            image_pe=self.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
        )


@dataclass(frozen=True)
class SamArchitecture:
    """Sizes of a ViT-encoded SAM."""

    width: int
    depth: int
    heads: int
    image_size: int
    global_blocks: tuple[int, ...]
    window: int
    mlp: int
    adapter: int | None


def vit_architecture(shapes: Shapes) -> SamArchitecture:
    """Sizes from the shapes of SAM's image encoder. Raises WeightsError when tensors that tell them are missing."""
    try:
        _, grid, _, width = shapes["image_encoder.pos_embed"]
        mlp = shapes["image_encoder.blocks.0.mlp.lin1.weight"][0]
        depth = 1 + max(int(k.split(".")[2]) for k in shapes if k.startswith("image_encoder.blocks."))
        lengths = [shapes[f"image_encoder.blocks.{i}.attn.rel_pos_h"][0] for i in range(depth)]
        head = shapes["image_encoder.blocks.0.attn.rel_pos_h"][1]
    except (KeyError, ValueError, IndexError) as error:
        raise WeightsError(f"Not a SAM image encoder: {error} is missing or has another form.") from None
    whole = 2 * grid - 1
    windows = sorted({n for n in lengths if n != whole})
    if len(windows) > 1:
        raise WeightsError(f"SAM's windowed blocks must share one window; found {windows} relative positions.")
    return SamArchitecture(
        width=width,
        depth=depth,
        heads=width // head,
        image_size=16 * grid,
        global_blocks=tuple(i for i, n in enumerate(lengths) if n == whole),
        window=(windows[0] + 1) // 2 if windows else 14,
        mlp=mlp,
        adapter=shapes[ADAPTER_KEY][0] if ADAPTER_KEY in shapes else None,
    )


def build_prompt_encoder(shapes: Shapes, image_size: int) -> PromptEncoder:
    grid = image_size // 16
    return PromptEncoder(
        embed_dim=shapes["prompt_encoder.no_mask_embed.weight"][1],
        image_embedding_size=(grid, grid),
        input_image_size=(image_size, image_size),
        mask_in_chans=shapes["prompt_encoder.mask_downscaling.3.weight"][0],
    )


def build_mask_decoder(shapes: Shapes) -> MaskDecoder:
    width = shapes["mask_decoder.iou_token.weight"][1]
    head = "mask_decoder.iou_prediction_head.layers."
    layers = "mask_decoder.transformer.layers."
    return MaskDecoder(
        num_multimask_outputs=shapes["mask_decoder.mask_tokens.weight"][0] - 1,
        transformer=TwoWayTransformer(
            depth=1 + max(int(k[len(layers) :].split(".")[0]) for k in shapes if k.startswith(layers)),
            embedding_dim=width,
            mlp_dim=shapes[f"{layers}0.mlp.lin1.weight"][0],
            num_heads=DECODER_HEADS,
        ),
        transformer_dim=width,
        iou_head_depth=sum(k.startswith(head) and k.endswith(".weight") for k in shapes),
        iou_head_hidden_dim=shapes[f"{head}0.weight"][0],
    )


def build_sam(state: Mapping[str, Tensor], what: str = "SAM") -> SamNet:
    """The network that a SAM, MedSAM or SAM-Med2D state dict belongs to, in float32 and eval mode.

    Built without memory of its own ("meta"): the file's tensors become its parameters. Raises WeightsError.
    """
    shapes = {k: tuple(v.shape) for k, v in state.items()}
    sizes = vit_architecture(shapes)
    with torch.device("meta"):
        try:
            net = SamNet(
                build_encoder(
                    sizes.width,
                    sizes.depth,
                    sizes.heads,
                    sizes.image_size,
                    sizes.global_blocks,
                    sizes.window,
                    sizes.mlp,
                    out=shapes["image_encoder.neck.0.weight"][0],
                    adapter=sizes.adapter,
                ),
                build_prompt_encoder(shapes, sizes.image_size),
                build_mask_decoder(shapes),
            )
        except (KeyError, ValueError, IndexError) as error:
            raise WeightsError(f"Not a whole {what} file: {error} is missing or has another form.") from None
    return load_strict(net, state, what)
