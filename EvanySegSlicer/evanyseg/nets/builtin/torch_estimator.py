"""The built-in estimator's network on torch, behind arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from ...protocols import ShouldCancel, never_cancel
from ...threads import limit_torch
from ...weights.strict import load_strict
from ..builtin_estimator import BuiltinEstimatorNet, EstimatorConfig, estimator_forward
from .batch_runner import BatchRunner


def network(config: Mapping[str, Any], state: Mapping[str, np.ndarray]) -> BuiltinEstimatorNet:
    """The network of some sizes with float32 weights by name. Raises WeightsError when they are not exactly its own,
    TypeError, ValueError or RuntimeError for sizes that no network has."""
    sizes: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in config.items()}
    tensors = {name: torch.from_numpy(array) for name, array in state.items()}
    return load_strict(BuiltinEstimatorNet(EstimatorConfig(**sizes)), tensors, "the built-in estimator")


class TorchEstimatorNet:
    """See `quality.builtin.EstimatorNet`."""

    backend = "torch"

    def __init__(self, net: BuiltinEstimatorNet, device: str, batch: int, flips: bool) -> None:
        limit_torch()
        self.module, self.flips = net.to(memory_format=torch.channels_last), flips  # type: ignore[call-overload]
        self._runner = BatchRunner(self.module, device, batch)

    @property
    def device(self) -> str:
        return self._runner.device

    @property
    def batch(self) -> int:
        return self._runner.batch

    @property
    def notices(self) -> list[str]:
        return self._runner.notices

    def run(
        self, inputs: Mapping[str, np.ndarray], should_cancel: ShouldCancel = never_cancel
    ) -> dict[str, np.ndarray]:
        tensors = {k: torch.from_numpy(v) for k, v in inputs.items()}
        forward = lambda net, batch: estimator_forward(net, batch, self.flips)
        return {k: v.numpy() for k, v in self._runner.run(forward, tensors, should_cancel).items()}
