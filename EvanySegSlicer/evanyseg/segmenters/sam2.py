"""SAM 2.1 on single images (Ravi et al. 2024, arXiv 2408.00714), through the optional `sam2` package.

The package's own SAM2ImagePredictor does the work, so that nothing can differ from it: square 1024 px, ImageNet
normalisation, IoU through a sigmoid, single mask with its fallback to the alternatives when it is not stable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import PromptError, WeightsError
from ..prompts import BoxPrompt, PointPrompt
from ..protocols import ShouldCancel, never_cancel, raise_if_cancelled
from ..results import Candidates, Embedding
from ..weights.strict import load_strict
from .prompted import Capabilities, checked_prompts, checked_shape, stability

if TYPE_CHECKING:
    from torch import Tensor

CONFIGS = {
    "sam2.1-tiny": "configs/sam2.1/sam2.1_hiera_t.yaml",
    "sam2.1-small": "configs/sam2.1/sam2.1_hiera_s.yaml",
    "sam2.1-base-plus": "configs/sam2.1/sam2.1_hiera_b+.yaml",
    "sam2.1-large": "configs/sam2.1/sam2.1_hiera_l.yaml",
}
LOGIT_SIDE = 256


class Sam2Segmenter:
    """A Segmenter around a SAM 2.1 model. Candidates: the single mask, then the three alternatives.

    An embedding holds a predictor of its own with the encoded image; the network is shared."""

    supports_boxes = True
    supports_points = True
    capabilities = Capabilities()

    def __init__(self, name: str, net: Any, device: str) -> None:
        self.name, self.device = name, device
        self.net = net.to(device).eval()

    def embed(self, image: np.ndarray, should_cancel: ShouldCancel = never_cancel) -> Embedding:
        """Encode image uint8 [H, W, 3]. Raises ImageError, CancelledError (also from within the encoder)."""
        from sam2.sam2_image_predictor import SAM2ImagePredictor

        from ..nets.interrupt import inference

        shape = checked_shape(image)
        raise_if_cancelled(should_cancel)
        predictor = SAM2ImagePredictor(self.net)
        with inference(self.device, should_cancel):
            predictor.set_image(np.ascontiguousarray(image))
        # image embedding 64 x 64 x 256, high-resolution features 128 x 128 x 64 and 256 x 256 x 32, float32
        return Embedding(self.name, shape, predictor, 4 * (64 * 64 * 256 + 128 * 128 * 64 + 256 * 256 * 32))

    def segment(
        self,
        embedding: Embedding,
        box: BoxPrompt | None = None,
        points: Sequence[PointPrompt] = (),
        mask_input: np.ndarray | None = None,
        should_cancel: ShouldCancel = never_cancel,
    ) -> Candidates:
        """Masks for one prompt. Raises PromptError, CancelledError."""
        from ..nets.interrupt import inference

        box, points = checked_prompts(self.name, self.capabilities, embedding, box, points, mask_input)
        if mask_input is not None and mask_input.shape != (LOGIT_SIDE, LOGIT_SIDE):
            raise PromptError(
                f"The mask input of {self.name} must be [{LOGIT_SIDE}, {LOGIT_SIDE}], got {list(mask_input.shape)}; "
                "pass one map of an earlier answer's low-resolution logits."
            )
        prompts = {
            "box": np.array(box.as_tuple()) if box is not None else None,
            "point_coords": np.array([[p.x - 0.5, p.y - 0.5] for p in points]) if points else None,
            "point_labels": np.array([int(p.positive) for p in points]) if points else None,
            "mask_input": np.asarray(mask_input, np.float32)[None] if mask_input is not None else None,
        }
        with inference(self.device, should_cancel):
            answers = [
                embedding.features.predict(**prompts, multimask_output=several, return_logits=True)
                for several in (False, True)
            ]
        logits, iou, low = (np.concatenate(parts).astype(np.float32) for parts in zip(*answers, strict=True))
        return Candidates(logits, iou, stability(logits), low)


def from_state(state: Mapping[str, Tensor], device: str, name: str = "sam2.1-tiny") -> Sam2Segmenter:
    """A segmenter from SAM 2.1's state dict. Raises WeightsError: without the package, or for other keys."""
    if find_spec("sam2") is None:
        raise WeightsError(f"{name} needs the package sam2: install it with `pip install sam2`, or choose sam-vit-b.")
    from sam2.build_sam import build_sam2

    net = build_sam2(CONFIGS[name], ckpt_path=None, device="cpu")
    return Sam2Segmenter(name, load_strict(net, state, name), device)
