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
from typing import Any, Protocol

import numpy as np

from ..device import require_torch, resolve_backend
from ..errors import WeightsError
from ..prompts import BoxPrompt, PointPrompt
from ..protocols import ShouldCancel, never_cancel, raise_if_cancelled
from ..results import Candidates, Embedding
from ..weights.eight_bits import unpacked
from ..weights.safe_load import read_arrays
from .canvas import CropAnswer, canvas, resampled_logits, to_image
from .crops import Crop, crop_for, full_crop
from .features import Features
from .prompted import Capabilities, checked_prompts, checked_shape
from .tokens import prompt_tokens

WEIGHTS = Path(__file__).resolve().parents[1] / "builtin" / "segmenter.safetensors"
GRAPHS = WEIGHTS.parent
CROPS_KEPT = 8
ANSWERS_KEPT = 32


@dataclass
class EncodedImage:
    """What an Embedding of this segmenter holds: the image, the features of the crops made so far, and in which crop
    each recent answer was given (so that its logits can be refined in the same one)."""

    image: np.ndarray
    crops: OrderedDict[Crop, Features] = field(default_factory=OrderedDict)
    answers: OrderedDict[bytes, Crop] = field(default_factory=OrderedDict)


class SegmenterNet(Protocol):
    """The network behind arrays, on one backend and device."""

    backend: str
    device: str

    def encode(self, canvas: np.ndarray, should_cancel: ShouldCancel) -> Features:
        """Of one crop float32 [3, 256, 256]. Raises CancelledError."""

    def decode(
        self,
        features: Features,
        coords: np.ndarray,
        labels: np.ndarray,
        hint: np.ndarray | None,
        should_cancel: ShouldCancel,
    ) -> tuple[np.ndarray, np.ndarray]:
        """float32 logits [4, 128, 128] and predicted IoU [4] of prompt tokens (`segmenters.tokens`); hint: logits
        float32 [128, 128] of an earlier answer. Raises CancelledError."""


class BuiltinSegmenter:
    """A Segmenter around a SegmenterNet."""

    supports_boxes = True
    supports_points = True
    capabilities = Capabilities()

    def __init__(self, net: SegmenterNet, name: str = "builtin") -> None:
        self.name, self.net = name, net
        self.device, self.backend = net.device, net.backend

    def embed(self, image: np.ndarray, should_cancel: ShouldCancel = never_cancel) -> Embedding:
        """Encode image uint8 [H, W, 3]. Raises ImageError, CancelledError (also from within the encoder)."""
        shape = checked_shape(image)
        raise_if_cancelled(should_cancel)
        encoded = EncodedImage(np.array(image))
        features = self.features(image, should_cancel)
        encoded.crops[full_crop(shape)] = features
        # with the crops that it may come to hold: a cache's limit must not be passed later
        return Embedding(self.name, shape, encoded, image.nbytes + (1 + CROPS_KEPT) * features.nbytes)

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
        frame of the crop that the answer was made in). Raises PromptError, CancelledError.
        """
        return self.answer(embedding, box, points, mask_input, should_cancel).candidates(embedding.shape)

    def answer(
        self,
        embedding: Embedding,
        box: BoxPrompt | None = None,
        points: Sequence[PointPrompt] = (),
        mask_input: np.ndarray | None = None,
        should_cancel: ShouldCancel = never_cancel,
    ) -> CropAnswer:
        """What `segment` makes its masks of: a sixteenth of its size, for those who are far away."""
        box, placed = checked_prompts(self.name, self.capabilities, embedding, box, points, mask_input)
        raise_if_cancelled(should_cancel)
        encoded: EncodedImage = embedding.features
        before = encoded.answers.get(_digest(mask_input)) if mask_input is not None else None
        crop = self._crop(embedding.shape, box, placed, before)
        features = self._features(encoded, crop, should_cancel)
        coords, labels = prompt_tokens(crop, box, placed)
        hint = None
        if mask_input is not None:
            hint = np.ascontiguousarray(mask_input, np.float32)
            if before is not None and before != crop:
                hint = resampled_logits(to_image(hint[None], before, embedding.shape)[0], crop)
        low, iou = self.net.decode(features, coords, labels, hint, should_cancel)
        for map_ in low:
            encoded.answers[_digest(map_)] = crop
        while len(encoded.answers) > ANSWERS_KEPT:
            encoded.answers.popitem(last=False)
        return CropAnswer(low, iou, crop)

    def features(self, image: np.ndarray, should_cancel: ShouldCancel = never_cancel) -> Features:
        """What the encoder sees in a whole image uint8 [H, W, 3], for those who build on it. Raises CancelledError."""
        return self.net.encode(canvas(image), should_cancel)

    def _crop(
        self, shape: tuple[int, int], box: BoxPrompt | None, points: Sequence[PointPrompt], before: Crop | None
    ) -> Crop:
        if box is None:  # a click says nothing about the size: refine where the answer was made, or look at everything
            inside = before is not None and all(
                before.x0 <= p.x < before.x1 and before.y0 <= p.y < before.y1 for p in points
            )
            return before if before is not None and inside else full_crop(shape)
        xs, ys = [p.x for p in points], [p.y for p in points]
        hull = BoxPrompt(min([box.x0, *xs]), min([box.y0, *ys]), max([box.x1, *xs]), max([box.y1, *ys]))
        return crop_for(shape, hull)

    def _features(self, encoded: EncodedImage, crop: Crop, should_cancel: ShouldCancel) -> Features:
        if crop not in encoded.crops:
            encoded.crops[crop] = self.features(crop.cut(encoded.image), should_cancel)
            while len(encoded.crops) > 1 + CROPS_KEPT:
                whole = full_crop(encoded.image.shape)
                encoded.crops.pop(next(v for v in encoded.crops if v != whole))
        encoded.crops.move_to_end(crop)
        return encoded.crops[crop]


def load(path: Path | None, device: str = "cpu", backend: str = "auto") -> BuiltinSegmenter:
    """The segmenter from its own weights, or from a checkpoint of a training run, on an actual device.

    backend: see `device.resolve_backend`. Raises WeightsError for a file that is missing, truncated, or of another
    architecture, DeviceError, MissingPackageError.
    """
    file = WEIGHTS if path is None else path
    stored, metadata = read_arrays(file)
    try:
        sizes = json.loads(metadata["architecture"])
        if not isinstance(sizes, dict):
            raise TypeError(f"it is {sizes}")
    except (KeyError, TypeError, ValueError) as error:
        raise _foreign(file) from error
    state = unpacked(stored)
    if resolve_backend(backend, device, _misfit(file, sizes)) == "onnx":
        from ..nets.builtin.onnx_segmenter import OnnxSegmenterNet

        return BuiltinSegmenter(OnnxSegmenterNet(state, GRAPHS))
    require_torch("This segmenter")
    from ..nets.builtin.torch_segmenter import TorchSegmenterNet, network
    from ..nets.builtin_segmenter import SegmenterArchitecture

    try:
        architecture = SegmenterArchitecture.from_dict(sizes)
    except (TypeError, ValueError) as error:
        raise _foreign(file) from error
    return BuiltinSegmenter(TorchSegmenterNet(network(architecture, state), device))


def _misfit(file: Path, sizes: dict[str, Any]) -> str:
    """Why the shipped graphs do not fit a file; '' when they do."""
    from ..nets.builtin.onnx_session import GraphFile

    if GraphFile.read(GRAPHS / "segmenter_decoder.onnx").sizes == sizes:
        return ""
    return f"{file.name} has other sizes than the graph that ships"


def _foreign(file: Path) -> WeightsError:
    return WeightsError(
        f"{file.name} is not a file of the built-in segmenter: it does not tell its architecture; use a file made by "
        "'evanyseg-train segmenter'."
    )


def _digest(logits: np.ndarray | None) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(logits, np.float32).tobytes(), digest_size=16).digest()
