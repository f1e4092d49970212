"""Images and masks on the coarser grid that engines compute on."""

from __future__ import annotations

import numpy as np

from ...geometry.resample import resized, resized_bytes
from ...protocols import Progress, ShouldCancel, never_cancel, no_progress, raise_if_cancelled
from ..cases import SIDE

WORK_SIDE = 64
"""Cells along a side: half of the masks' grid."""


class GrayEngine:
    """The part of engines that compare gray images."""

    def describe(
        self, pixels: np.ndarray, progress: Progress = no_progress, should_cancel: ShouldCancel = never_cancel
    ) -> np.ndarray:
        """float32 [N, 64, 64] of images uint8 [N, 256, 256, 3], each of mean 0 and spread 1."""
        raise_if_cancelled(should_cancel)
        gray = np.stack([resized_bytes(image, WORK_SIDE).mean(2) for image in pixels]).astype(np.float32)
        gray -= gray.mean((1, 2), keepdims=True)
        return gray / (gray.std((1, 2), keepdims=True) + 1)


def shrunk(masks: np.ndarray) -> np.ndarray:
    """float32 [N, 64, 64]: the share of each cell that masks bool [N, 128, 128] cover."""
    step = SIDE // WORK_SIDE
    return masks.reshape(len(masks), WORK_SIDE, step, WORK_SIDE, step).mean((2, 4)).astype(np.float32)


def grown(cells: np.ndarray) -> np.ndarray:
    """float32 [N, 128, 128] of cells [N, 64, 64]."""
    return np.stack([resized(one[..., None], (SIDE, SIDE))[..., 0] for one in cells])
