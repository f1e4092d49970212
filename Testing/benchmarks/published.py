"""The published routes on this machine: a SAM at 1024 px, then an EvanySeg network at 224 px, random weights.

Speed does not depend on the weights' values, so the comparison needs no download.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evanyseg.prompts import BoxPrompt

Image = np.ndarray
"""uint8 RGB [H, W, 3]."""


@dataclass(frozen=True)
class Route:
    """`first(image, box)`: from a new image to a score; `following(image, box)`: another box on that image."""

    name: str
    first: Callable[[Image, BoxPrompt], None]
    following: Callable[[Image, BoxPrompt], None]


def routes() -> list[Route]:
    """The papers' pair, and the smallest of each: SAM ViT-B with ViT-b, MobileSAM with ResNet101."""
    return [vit_route(), mobile_route()]


def vit_route() -> Route:
    """With the authors' own code: segment_anything, timm."""
    import timm
    import torch
    from segment_anything import SamPredictor, sam_model_registry

    from evanyseg.quality.paper_crop import paper_input

    predictor = SamPredictor(sam_model_registry["vit_b"](checkpoint=None).eval())
    regressor = timm.create_model("vit_base_patch16_224", num_classes=1).eval()

    def following(image: Image, box: BoxPrompt) -> None:
        masks, _, _ = predictor.predict(box=np.array(box.as_tuple()), multimask_output=False)
        with torch.inference_mode():
            regressor(paper_input(image, masks[0], box)[None])

    def first(image: Image, box: BoxPrompt) -> None:
        predictor.set_image(image)
        following(image, box)

    return Route("SAM ViT-B + EvanySeg ViT-b", first, following)


def mobile_route() -> Route:
    """With this project's loaders of both, which the tests hold against the originals."""
    import torch
    from segment_anything.modeling import MaskDecoder, PromptEncoder, TwoWayTransformer

    from evanyseg.nets.evanyseg_resnet import EvanySegResNet
    from evanyseg.nets.sam_build import SamNet
    from evanyseg.nets.tiny_vit import TinyVitEncoder
    from evanyseg.quality.paper_crop import paper_input
    from evanyseg.results import Embedding
    from evanyseg.segmenters.preprocess import LongestSide
    from evanyseg.segmenters.prompted import PromptedSam

    encoder = TinyVitEncoder((64, 128, 160, 320), (2, 2, 6, 2), (2, 4, 5, 10))
    decoder = MaskDecoder(transformer_dim=256, transformer=TwoWayTransformer(2, 256, 8, 2048))
    net = SamNet(encoder, PromptEncoder(256, (64, 64), (1024, 1024), 16), decoder)
    with torch.no_grad():
        segmenter = PromptedSam("mobile-sam", net.eval(), "cpu", LongestSide())
    regressor = EvanySegResNet((3, 4, 23, 3), 2048, distance=False).eval()
    held: list[Embedding] = []

    def following(image: Image, box: BoxPrompt) -> None:
        mask = segmenter.segment(held[0], box).masks[0]
        with torch.inference_mode():
            regressor(paper_input(image, mask, box)[None])

    def first(image: Image, box: BoxPrompt) -> None:
        held[:] = [segmenter.embed(image)]
        following(image, box)

    return Route("MobileSAM + EvanySeg ResNet101", first, following)
