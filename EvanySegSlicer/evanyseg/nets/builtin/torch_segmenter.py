"""The built-in segmenter's network on torch, behind arrays."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from ...protocols import ShouldCancel
from ...segmenters.features import Features
from ...threads import limit_torch
from ...weights.strict import load_strict
from ..builtin_segmenter import BuiltinSegmenterNet, SegmenterArchitecture
from ..interrupt import inference


def network(architecture: SegmenterArchitecture, state: Mapping[str, np.ndarray]) -> BuiltinSegmenterNet:
    """The network with float32 weights by name. Raises WeightsError when they are not exactly its own."""
    tensors = {name: torch.from_numpy(array) for name, array in state.items()}
    return load_strict(BuiltinSegmenterNet(architecture), tensors, "the built-in segmenter")


class TorchSegmenterNet:
    """See `segmenters.builtin.SegmenterNet`. Features stay on the device."""

    backend = "torch"

    def __init__(self, net: BuiltinSegmenterNet, device: str = "cpu") -> None:
        limit_torch()
        self.device = device
        self.module = net.to(device).eval().requires_grad_(False)

    def encode(self, canvas: np.ndarray, should_cancel: ShouldCancel) -> Features:
        with inference(self.device, should_cancel):
            found = self.module.encoder(torch.from_numpy(canvas)[None].to(self.device))
            return Features(found.embedding.float(), found.skip4.float(), found.skip2.float())

    def decode(
        self,
        features: Features,
        coords: np.ndarray,
        labels: np.ndarray,
        hint: np.ndarray | None,
        should_cancel: ShouldCancel,
    ) -> tuple[np.ndarray, np.ndarray]:
        parts = (features.embedding, features.skip4, features.skip2)
        here = Features(*(torch.as_tensor(part, device=self.device) for part in parts))
        with inference(self.device, should_cancel):
            mask_input = None if hint is None else torch.from_numpy(hint)[None, None].to(self.device)
            has = None if hint is None else torch.ones(1, dtype=torch.bool, device=self.device)
            at, kinds = torch.from_numpy(coords).to(self.device), torch.from_numpy(labels).to(self.device)
            low, iou = self.module.decode(here, at, kinds, mask_input, has)
        return low[0].float().cpu().numpy(), iou[0].float().cpu().numpy()
