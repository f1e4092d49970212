"""The original SAM, built by `segment_anything` itself with random weights: what the segmenters are compared with."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

from evanyseg.pipeline.next_click import next_click
from evanyseg.prompts import BoxPrompt
from evanyseg.protocols import Segmenter

SMALL = {"width": 48, "depth": 3, "heads": 3, "image_size": 256, "global_blocks": (1,)}
VIT_B = {"width": 768, "depth": 12, "heads": 12, "image_size": 1024, "global_blocks": (2, 5, 8, 11)}
VIT_H = {"width": 1280, "depth": 32, "heads": 16, "image_size": 1024, "global_blocks": (7, 15, 23, 31)}


def original_sam(
    width: int, depth: int, heads: int, image_size: int, global_blocks: tuple[int, ...], seed: int = 0
) -> Sam:
    """A `Sam` whose every tensor is random (relative positions too, which start as zeros)."""
    torch.manual_seed(seed)
    grid = image_size // 16
    sam = Sam(
        image_encoder=ImageEncoderViT(
            img_size=image_size,
            embed_dim=width,
            depth=depth,
            num_heads=heads,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            global_attn_indexes=global_blocks,
            window_size=14,
            out_chans=256,
        ),
        prompt_encoder=PromptEncoder(256, (grid, grid), (image_size, image_size), 16),
        mask_decoder=MaskDecoder(
            num_multimask_outputs=3,
            transformer=TwoWayTransformer(depth=2, embedding_dim=256, mlp_dim=2048, num_heads=8),
            transformer_dim=256,
            iou_head_depth=3,
            iou_head_hidden_dim=256,
        ),
        pixel_mean=[123.675, 116.28, 103.53],
        pixel_std=[58.395, 57.12, 57.375],
    )
    for name, tensor in sam.named_parameters():
        if "rel_pos" in name or "pos_embed" in name:
            tensor.data.normal_(std=0.2)
    return sam.eval()


def scene(height: int, width: int, seed: int = 0) -> np.ndarray:
    """uint8 [H, W, 3]: a smooth blob on a noisy ramp."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    blob = 150 * np.exp(-(((rows - height / 2) / height) ** 2 + ((columns - width / 3) / width) ** 2) * 12)
    noise = rng.normal(scale=8, size=(height, width, 3))
    return np.clip(blob[..., None] + 60 * columns[..., None] / width + noise, 0, 255).astype(np.uint8)


def check_next_click(segmenter: Segmenter) -> None:
    """The alternatives of a segmenter of four masks say where the next click goes, and it takes the answer."""
    image, box = scene(90, 150), BoxPrompt(10, 12, 60, 70)
    found = next_click(segmenter, segmenter.segment(segmenter.embed(image), box))
    assert found.gains.shape == (90, 150)
    assert 0 < found.gain <= np.log(2)
    again = segmenter.segment(segmenter.embed(image), box, [found.answered(positive=found.positive)])
    assert again.logits.shape == (4, 90, 150)
