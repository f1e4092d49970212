"""A small U-Net, trained anew on each checkpoint's predictions (torch)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...device import require_torch
from ...geometry.resample import resized_bytes
from ...protocols import Progress, ShouldCancel, never_cancel, no_progress, raise_if_cancelled
from ..cases import SIDE
from .grids import WORK_SIDE, shrunk
from .protocol import ReverseSegmenter


@dataclass(frozen=True)
class NetworkEngine:
    """steps: of eight images each. The same seed for every checkpoint, so that what differs is what they predict."""

    steps: int = 120
    width: int = 12
    rate: float = 4e-3
    seed: int = 0
    name: str = "network"

    def describe(
        self, pixels: np.ndarray, progress: Progress = no_progress, should_cancel: ShouldCancel = never_cancel
    ) -> np.ndarray:
        """float32 [N, 3, 64, 64], each image with mean 0 and spread 1."""
        raise_if_cancelled(should_cancel)
        small = np.stack([resized_bytes(image, WORK_SIDE) for image in pixels]).astype(np.float32)
        small -= small.mean((1, 2, 3), keepdims=True)
        small /= small.std((1, 2, 3), keepdims=True) + 1
        return small.transpose(0, 3, 1, 2)

    def taught(
        self, support: np.ndarray, targets: np.ndarray, should_cancel: ShouldCancel = never_cancel
    ) -> ReverseSegmenter:
        """Raises MissingPackageError without torch."""
        require_torch("The reverse network")
        from ...nets.small_unet import fitted, predicted

        def segment(masks: np.ndarray) -> np.ndarray:
            share = shrunk(masks)
            net: Any = fitted(support, share, self.steps, self.width, self.rate, self.seed, should_cancel)
            return predicted(net, targets, (SIDE, SIDE)) > 0.5

        return segment
