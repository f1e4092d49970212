"""The built-in segmenter's network on onnxruntime: two graphs, the encoder's and the decoder's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...protocols import ShouldCancel
from ...segmenters.features import Features
from .onnx_session import Graph, GraphFile

WHAT = "the built-in segmenter"
FEATURES = ("embedding", "skip4", "skip2")


class OnnxSegmenterNet:
    """See `segmenters.builtin.SegmenterNet`."""

    backend, device = "onnx", "cpu"

    def __init__(self, state: Mapping[str, np.ndarray], folder: Path) -> None:
        """`state`: float32 weights by name; `folder`: where the graphs are. Raises WeightsError."""
        files = [GraphFile.read(folder / f"segmenter_{part}.onnx") for part in ("encoder", "decoder")]
        check_all_used(files, state, WHAT)
        self._encoder, self._decoder = (Graph(file, state, WHAT) for file in files)

    def encode(self, canvas: np.ndarray, should_cancel: ShouldCancel) -> Features:
        # the input by the name that the shipped graph has
        found = self._encoder.run({"views": canvas[None]}, should_cancel)
        return Features(*(found[name] for name in FEATURES))

    def decode(
        self,
        features: Features,
        coords: np.ndarray,
        labels: np.ndarray,
        hint: np.ndarray | None,
        should_cancel: ShouldCancel,
    ) -> tuple[np.ndarray, np.ndarray]:
        hinted = np.zeros((1, 1, 128, 128), np.float32) if hint is None else hint[None, None].astype(np.float32)
        inputs = {name: as_array(getattr(features, name)) for name in FEATURES}
        inputs |= {"coords": coords, "labels": labels, "previous": hinted, "has_previous": np.array([hint is not None])}
        found = self._decoder.run(inputs, should_cancel)
        return found["logits"][0], found["iou"][0]


def as_array(part: Any) -> np.ndarray:
    """An array, also of a torch tensor: an embedding may have been made on the other backend."""
    return part.float().cpu().numpy() if hasattr(part, "cpu") else part


def check_all_used(files: list[GraphFile], state: Mapping[str, np.ndarray], what: str) -> None:
    """Raises WeightsError when the graphs together have other parameters than `state`."""
    from ...weights.strict import check_keys

    wanted = {name: shape for file in files for name, shape in file.weights.items()}
    check_keys(wanted, {name: array.shape for name, array in state.items()}, what)
