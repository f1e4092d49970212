"""What all SAM variants share: image once, prompts many times, refusals in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ImageError, PromptError, UnsupportedPromptError
from ..prompts import BoxPrompt, PointPrompt
from ..protocols import ShouldCancel, never_cancel, raise_if_cancelled
from ..results import Candidates, Embedding
from .preprocess import PreprocessSpec

if TYPE_CHECKING:
    from torch import Tensor

    from ..nets.sam_build import SamNet


@dataclass(frozen=True)
class Capabilities:
    """What a variant was trained for. `first` and `last` bound the mask tokens that are used (SAM has 4: token 0 is
    the single mask); `iou`: its predicted IoU means something."""

    boxes: bool = True
    points: bool = True
    negative_points: bool = True
    several_points: bool = True
    mask_input: bool = True
    iou: bool = True
    first: int = 0
    last: int = 4

    @property
    def alternatives(self) -> int:
        """Trained mask heads that are alternatives to each other: all but the single mask."""
        return max(self.last - max(self.first, 1), 0) if self.iou else 0


class PromptedSam:
    """A Segmenter around a SamNet; `route` and `abilities` make it one variant or another.

    Boxes are handed to the network as they are, edges in pixels; a click at a pixel's centre (c + 0.5, r + 0.5)
    becomes SAM's (c, r), because its prompt encoder adds the half pixel itself.
    """

    def __init__(
        self, name: str, net: SamNet, device: str, preprocess: PreprocessSpec, capabilities: Capabilities | None = None
    ) -> None:
        self.name = name
        self.net = net.to(device)
        self.device = device
        self.preprocess = preprocess
        self.capabilities = capabilities or Capabilities()
        self.supports_boxes = self.capabilities.boxes
        self.supports_points = self.capabilities.points

    def embed(self, image: np.ndarray, should_cancel: ShouldCancel = never_cancel) -> Embedding:
        """Encode image uint8 [H, W, 3]; float32 features [1, C, h, w] on the device.

        Raises ImageError, CancelledError (also from within the encoder)."""
        from ..nets.interrupt import inference

        shape = checked_shape(image)
        raise_if_cancelled(should_cancel)
        tensor = self.preprocess.tensor(image, self.net.image_size)
        with inference(self.device, should_cancel):
            features = self.net.image_encoder(tensor.to(self.device)).float()
        return Embedding(self.name, shape, features, features.numel() * features.element_size())

    def segment(
        self,
        embedding: Embedding,
        box: BoxPrompt | None = None,
        points: Sequence[PointPrompt] = (),
        mask_input: np.ndarray | None = None,
        should_cancel: ShouldCancel = never_cancel,
    ) -> Candidates:
        """Masks of one prompt; logits are the variant's own, predicted IoU is as the network says it (unclipped), NaN
        where that head was never trained. Raises PromptError, UnsupportedPromptError, CancelledError."""
        from ..nets.interrupt import interruptible

        box, points = checked_prompts(self.name, self.capabilities, embedding, box, points, mask_input)
        raise_if_cancelled(should_cancel)
        import torch

        frame, shape = self.net.image_size, embedding.shape
        with torch.no_grad(), interruptible(should_cancel):
            low, iou = self.net.decode(
                embedding.features,
                self._points(points, shape),
                self._box(box, shape),
                self._mask_input(mask_input),
            )
            chosen = slice(self.capabilities.first, self.capabilities.last)
            low, iou = low[:, chosen], iou[:, chosen]
            logits = self.preprocess.restore(low, shape, frame).cpu()
        arrays = logits.numpy()
        trusted = iou[0].cpu().numpy() if self.capabilities.iou else np.full(len(arrays), np.nan, np.float32)
        return Candidates(arrays, trusted, stability(arrays), low[0].cpu().numpy())

    def _scaled(self, xy: np.ndarray, shape: tuple[int, int]) -> Tensor:
        import torch

        # in double, as the originals do, before the network's own float32
        scaled = xy * np.array(self.preprocess.scale(shape, self.net.image_size), np.float64)
        return torch.from_numpy(scaled).float()[None].to(self.device)

    def _points(self, points: Sequence[PointPrompt], shape: tuple[int, int]) -> tuple[Tensor, Tensor] | None:
        import torch

        if not points:
            return None
        xy = np.array([[p.x - 0.5, p.y - 0.5] for p in points], np.float64)
        labels = torch.tensor([[int(p.positive) for p in points]], device=self.device)
        return self._scaled(xy, shape), labels

    def _box(self, box: BoxPrompt | None, shape: tuple[int, int]) -> Tensor | None:
        if box is None:
            return None
        return self._scaled(np.array(box.as_tuple(), np.float64).reshape(2, 2), shape).reshape(1, 4)

    def _mask_input(self, mask_input: np.ndarray | None) -> Tensor | None:
        import torch

        if mask_input is None:
            return None
        size = tuple(self.net.prompt_encoder.mask_input_size)
        if mask_input.shape != size:
            raise PromptError(
                f"The mask input of {self.name} must be [{size[0]}, {size[1]}], got {list(mask_input.shape)}; pass "
                "one map of an earlier answer's low-resolution logits."
            )
        return torch.from_numpy(np.ascontiguousarray(mask_input, np.float32))[None, None].to(self.device)


def checked_shape(image: np.ndarray) -> tuple[int, int]:
    """(H, W) of an image uint8 [H, W, 3] of at least 2 x 2 pixels; ImageError otherwise."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ImageError(f"A segmenter needs an image uint8 [H, W, 3], got {image.dtype} {list(image.shape)}.")
    if min(image.shape[:2]) < 2:
        raise ImageError(f"An image of {image.shape[1]} x {image.shape[0]} pixels is too small to segment.")
    return int(image.shape[0]), int(image.shape[1])


def checked_prompts(
    name: str,
    able: Capabilities,
    embedding: Embedding,
    box: BoxPrompt | None,
    points: Sequence[PointPrompt],
    mask_input: np.ndarray | None,
) -> tuple[BoxPrompt | None, list[PointPrompt]]:
    """The prompts, validated against the embedded image; refuses what the variant was never trained for."""
    if embedding.segmenter != name:
        raise PromptError(
            f"This embedding was made by '{embedding.segmenter}', not by '{name}'; embed the image again."
        )
    if box is None and not points:
        raise PromptError(f"{name} needs a prompt: " + ("a box." if not able.points else "a box or a point."))
    if box is not None and not able.boxes:
        raise UnsupportedPromptError(f"{name} was trained with points only; click on the object instead of boxing it.")
    if points and not able.points:
        raise UnsupportedPromptError(
            f"{name} was trained with boxes only and does not understand points; draw a box, or choose a segmenter "
            "that takes points (built-in, SAM, MobileSAM, SAM-Med2D)."
        )
    if len(points) > 1 and not able.several_points:
        raise UnsupportedPromptError(f"{name} was trained with one point; give one.")
    if not able.negative_points and not all(p.positive for p in points):
        raise UnsupportedPromptError(f"{name} was never trained with negative points; give positive ones only.")
    if mask_input is not None and not able.mask_input:
        raise UnsupportedPromptError(f"{name} cannot refine an earlier answer: it was never trained with mask prompts.")
    return (
        box.validated(embedding.shape) if box is not None else None,
        [p.validated(embedding.shape) for p in points],
    )


def stability(logits: np.ndarray, offset: float = 1.0) -> np.ndarray:
    """float32 [K]: IoU of the masks at logits > +offset and > -offset of [K, H, W]; 0 where both are empty."""
    inner = (logits > offset).sum(axis=(1, 2), dtype=np.int64)
    outer = (logits > -offset).sum(axis=(1, 2), dtype=np.int64)
    return (inner / np.maximum(outer, 1)).astype(np.float32)
