"""The published route on this machine: SAM ViT-B at 1024 px, then EvanySeg's ViT-b at 224 px, random weights.

Speed does not depend on the weights' values, so the comparison needs no download.
"""

from __future__ import annotations

import numpy as np

from evanyseg.prompts import BoxPrompt

from .timing import Figure, figure, milliseconds


def interactive(images: list[tuple[np.ndarray, BoxPrompt]], next_boxes: int) -> list[Figure]:
    """First box on a slice, and further boxes on it, for 8-bit RGB images [H, W, 3]."""
    import timm
    import torch
    from segment_anything import SamPredictor, sam_model_registry

    from evanyseg.quality.paper_crop import paper_input

    predictor = SamPredictor(sam_model_registry["vit_b"](checkpoint=None).eval())
    regressor = timm.create_model("vit_base_patch16_224", num_classes=1).eval()

    def box_to_score(image: np.ndarray, box: BoxPrompt) -> None:
        masks, _, _ = predictor.predict(box=np.array(box.as_tuple()), multimask_output=False)
        with torch.inference_mode():
            regressor(paper_input(image, masks[0], box)[None])

    first, following = [], []
    for image, box in images:
        first.append(milliseconds(lambda i=image, b=box: (predictor.set_image(i), box_to_score(i, b))))
        following += [milliseconds(lambda i=image, b=box: box_to_score(i, b)) for _ in range(next_boxes)]
    return [
        figure("published route: first box on a slice", first),
        figure("published route: next box", following),
    ]
