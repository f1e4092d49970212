"""What a reverse engine is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from ...protocols import Progress, ShouldCancel, never_cancel, no_progress

ReverseSegmenter = Callable[[np.ndarray], np.ndarray]
"""Masks bool [S, 128, 128] of the support -> masks bool [T, 128, 128] of the targets."""


class ReverseEngine(Protocol):
    """Segments targets from a support set of images with masks, one object against the rest, without trained weights
    for the object."""

    @property
    def name(self) -> str: ...

    def describe(
        self, pixels: np.ndarray, progress: Progress = no_progress, should_cancel: ShouldCancel = never_cancel
    ) -> np.ndarray:
        """[N, ...]: what the engine needs to know of each image uint8 [N, 256, 256, 3], whatever its mask is: made once
        for all checkpoints. Raises CancelledError."""

    def taught(
        self, support: np.ndarray, targets: np.ndarray, should_cancel: ShouldCancel = never_cancel
    ) -> ReverseSegmenter:
        """For descriptions of both. What does not depend on masks is done here. Raises CancelledError."""
