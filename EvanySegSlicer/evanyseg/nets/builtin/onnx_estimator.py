"""The built-in estimator's network on onnxruntime: input, mirror images and their mean are part of the graph."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ...protocols import ShouldCancel, never_cancel
from .onnx_segmenter import check_all_used
from .onnx_session import Graph, GraphFile

WHAT = "the built-in estimator"
INPUT_NAMES = {"auxiliary": "scalars"}
"""Inputs that the graph names otherwise: as they were called when it was made."""


class OnnxEstimatorNet:
    """See `quality.builtin.EstimatorNet`."""

    backend, device = "onnx", "cpu"

    def __init__(self, state: Mapping[str, np.ndarray], folder: Path, batch: int) -> None:
        """`state`: float32 weights by name; `folder`: where the graph is. Raises WeightsError."""
        file = GraphFile.read(folder / "estimator.onnx")
        check_all_used([file], state, WHAT)
        self._graph = Graph(file, state, WHAT)
        self.batch = batch
        self.notices: list[str] = []

    def run(
        self, inputs: Mapping[str, np.ndarray], should_cancel: ShouldCancel = never_cancel
    ) -> dict[str, np.ndarray]:
        count = len(inputs["pixels"])
        named = {INPUT_NAMES.get(k, k): v for k, v in inputs.items()}
        parts = [
            self._graph.run({k: v[start : start + self.batch] for k, v in named.items()}, should_cancel)
            for start in range(0, count, self.batch)
        ]
        return {k: np.concatenate([part[k] for part in parts]) for k in parts[0]}
