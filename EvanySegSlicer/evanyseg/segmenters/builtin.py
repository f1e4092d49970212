"""The built-in segmenter: SAM's architecture at 256 px with weights that ship with the engine.

The whole image is embedded once. A box under a quarter of the image's longest side is answered from a second, cropped
embedding, which is made when it is first needed and kept with the first one.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import WeightsError
from ..prompts import BoxPrompt, PointPrompt
from ..protocols import ShouldCancel, never_cancel, raise_if_cancelled
from ..results import Candidates, Embedding
from .prompted import Capabilities, checked_prompts, checked_shape, stability
from .tokens import prompt_tokens
from .views import SIDE, View, full_view, normalised, view_for

if TYPE_CHECKING:
    from torch import Tensor

    from ..nets.builtin_segmenter import BuiltinSegmenterNet, Features

WEIGHTS = Path(__file__).resolve().parents[1] / "builtin" / "segmenter.safetensors"
OUTSIDE = -10.0
"""Logit of pixels that a crop does not show: certainly not the object."""
CROPS_KEPT = 8
ANSWERS_KEPT = 32


@dataclass
class SeenImage:
    """What an Embedding of this segmenter holds: the image, the features of the views made so far, and in which view
    each recent answer was given (so that its logits can be refined in the same one)."""

    image: np.ndarray
    views: OrderedDict[View, Features] = field(default_factory=OrderedDict)
    answers: OrderedDict[bytes, View] = field(default_factory=OrderedDict)


class BuiltinSegmenter:
    """A Segmenter around a BuiltinSegmenterNet."""

    supports_boxes = True
    supports_points = True

    def __init__(self, net: BuiltinSegmenterNet, device: str = "cpu", name: str = "builtin") -> None:
        self.name, self.device = name, device
        self.net = net.to(device).eval().requires_grad_(False)

    def embed(self, image: np.ndarray, should_cancel: ShouldCancel = never_cancel) -> Embedding:
        """Encode image uint8 [H, W, 3]. Raises ImageError, CancelledError (also from within the encoder)."""
        shape = checked_shape(image)
        raise_if_cancelled(should_cancel)
        seen = SeenImage(np.array(image))
        features = self._encode(image, should_cancel)
        seen.views[full_view(shape)] = features
        # with the crops that it may come to hold: a cache's limit must not be passed later
        return Embedding(self.name, shape, seen, image.nbytes + (1 + CROPS_KEPT) * features.nbytes)

    def segment(
        self,
        embedding: Embedding,
        box: BoxPrompt | None = None,
        points: Sequence[PointPrompt] = (),
        mask_input: np.ndarray | None = None,
        should_cancel: ShouldCancel = never_cancel,
    ) -> Candidates:
        """Four masks of one prompt: the single best guess, then three alternatives.

        `mask_input`: a map [128, 128] of an earlier answer's low-resolution logits on this embedding (they are in the
        frame of the view that the answer was made in). Raises PromptError, CancelledError.
        """
        import torch

        from ..nets.interrupt import inference

        box, placed = checked_prompts(self.name, Capabilities(), embedding, box, points, mask_input)
        raise_if_cancelled(should_cancel)
        seen: SeenImage = embedding.features
        before = seen.answers.get(_digest(mask_input)) if mask_input is not None else None
        view = self._view(embedding.shape, box, placed, before)
        features = self._features(seen, view, should_cancel)
        coords, labels = (torch.from_numpy(a).to(self.device) for a in prompt_tokens(view, box, placed))
        with torch.no_grad(), inference(self.device, should_cancel):
            hint = None
            if mask_input is not None:
                hint = torch.from_numpy(np.ascontiguousarray(mask_input, np.float32))[None, None].to(self.device)
                if before is not None and before != view:
                    hint = _seen_in(_to_image(hint, before, embedding.shape), view)
            has = None if hint is None else torch.ones(1, dtype=torch.bool, device=self.device)
            low, iou = self.net.decode(features, coords, labels, hint, has)
            low = low.float()
            logits = _to_image(low, view, embedding.shape)[0].cpu().numpy()
        low_maps = low[0].cpu().numpy()
        for map_ in low_maps:
            seen.answers[_digest(map_)] = view
        while len(seen.answers) > ANSWERS_KEPT:
            seen.answers.popitem(last=False)
        return Candidates(logits, iou[0].float().clamp(0, 1).cpu().numpy(), stability(logits), low_maps)

    def _view(
        self, shape: tuple[int, int], box: BoxPrompt | None, points: Sequence[PointPrompt], before: View | None
    ) -> View:
        if box is None:  # a click says nothing about the size: refine where the answer was made, or look at everything
            inside = before is not None and all(
                before.x0 <= p.x < before.x1 and before.y0 <= p.y < before.y1 for p in points
            )
            return before if before is not None and inside else full_view(shape)
        xs, ys = [p.x for p in points], [p.y for p in points]
        hull = BoxPrompt(min([box.x0, *xs]), min([box.y0, *ys]), max([box.x1, *xs]), max([box.y1, *ys]))
        return view_for(shape, hull)

    def _features(self, seen: SeenImage, view: View, should_cancel: ShouldCancel) -> Features:
        if view not in seen.views:
            seen.views[view] = self._encode(view.cut(seen.image), should_cancel)
            while len(seen.views) > 1 + CROPS_KEPT:
                whole = full_view(seen.image.shape)
                seen.views.pop(next(v for v in seen.views if v != whole))
        seen.views.move_to_end(view)
        return seen.views[view]

    def _encode(self, pixels: np.ndarray, should_cancel: ShouldCancel) -> Features:
        import torch

        from ..nets.builtin_segmenter import Features
        from ..nets.interrupt import inference

        with inference(self.device, should_cancel):
            features = self.net.encoder(torch.from_numpy(canvas(pixels))[None].to(self.device))
            return Features(features.embedding.float(), features.skip4.float(), features.skip2.float())


def canvas(pixels: np.ndarray) -> np.ndarray:
    """float32 [3, 256, 256]: pixels uint8 [h, w, 3] with the longest side at 256, normalised, at the top left."""
    import torch
    from torch.nn import functional as F

    view = full_view(pixels.shape)
    tensor = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None].float()
    fitted = F.interpolate(tensor, view.fitted, mode="bilinear", antialias=True, align_corners=False)
    out = np.zeros((3, SIDE, SIDE), np.float32)
    height, width = view.fitted
    out[:, :height, :width] = normalised(fitted[0].numpy().transpose(1, 2, 0))
    return out


def load(path: Path | None, device: str) -> BuiltinSegmenter:
    """The segmenter from its own weights, or from a checkpoint of a training run.

    Raises WeightsError for a file that is missing, truncated, or of another architecture.
    """
    from ..nets.builtin_segmenter import BuiltinSegmenterNet, SegmenterArchitecture
    from ..weights.safe_load import read_checkpoint
    from ..weights.strict import load_strict

    file = WEIGHTS if path is None else path
    checkpoint = read_checkpoint(file)
    try:
        sizes = json.loads(checkpoint.metadata["architecture"])
        net = BuiltinSegmenterNet(SegmenterArchitecture.from_dict(sizes))
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{file.name} is not a file of the built-in segmenter: it does not tell its architecture; use a file made "
            "by 'evanyseg-train segmenter'."
        ) from error
    return BuiltinSegmenter(load_strict(net, checkpoint.state, "the built-in segmenter"), device)


def _to_image(low: Tensor, view: View, shape: tuple[int, int]) -> Tensor:
    """Low-resolution logits [N, K, 128, 128] of a view as [N, K, H, W] of the image."""
    import torch
    from torch.nn import functional as F

    height, width = view.fitted
    large = F.interpolate(low, (SIDE, SIDE), mode="bilinear", align_corners=False)[..., :height, :width]
    part = F.interpolate(large, view.shape, mode="bilinear", align_corners=False)
    if view == full_view(shape):
        return part
    out = torch.full((*low.shape[:2], *shape), OUTSIDE, device=low.device)
    out[..., view.y0 : view.y1, view.x0 : view.x1] = part
    return out


def _seen_in(logits: Tensor, view: View) -> Tensor:
    """Logits [1, 1, H, W] of the image as [1, 1, 128, 128] of a view; OUTSIDE beyond its edge."""
    from torch.nn import functional as F

    part = logits[..., view.y0 : view.y1, view.x0 : view.x1]
    height, width = view.fitted
    fitted = F.interpolate(part, (height, width), mode="bilinear", align_corners=False, antialias=True)
    padded = F.pad(fitted, (0, SIDE - width, 0, SIDE - height), value=OUTSIDE)
    return F.avg_pool2d(padded, 2)


def _digest(logits: np.ndarray | None) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(logits, np.float32).tobytes(), digest_size=16).digest()
