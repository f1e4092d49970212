"""Between an image and the square that the built-in segmenter's network sees: pixels in, logits out and in again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from ..geometry.resample import along_axes, axis_weights, resized
from ..results import Candidates
from .crops import SIDE, Crop, full_crop, normalized
from .prompted import stability

LOW = SIDE // 2
"""Side of the network's logits."""
OUTSIDE = -10.0
"""Logit of pixels that a crop does not show: certainly not the object."""


@dataclass(frozen=True)
class CropAnswer:
    """What the decoder says in the frame of its crop: logits float32 [K, 128, 128], predicted IoU [K]."""

    logits: np.ndarray
    iou: np.ndarray
    crop: Crop

    def candidates(self, shape: tuple[int, int]) -> Candidates:
        """The same in the image of (H, W)."""
        logits = to_image(self.logits, self.crop, shape)
        return Candidates(logits, np.clip(self.iou, 0, 1), stability(logits), self.logits)


def canvas(pixels: np.ndarray) -> np.ndarray:
    """float32 [3, 256, 256]: pixels uint8 [h, w, 3] with the longest side at 256, normalised, at the top left."""
    height, width = full_crop(pixels.shape).fitted
    out = np.zeros((3, SIDE, SIDE), np.float32)
    out[:, :height, :width] = normalized(resized(pixels, (height, width)))
    return out


def to_image(low: np.ndarray, crop: Crop, shape: tuple[int, int]) -> np.ndarray:
    """Low-resolution logits [K, 128, 128] of a crop as float32 [K, H, W] of the image."""
    part = along_axes(low, *(_enlarging(fitted, full) for fitted, full in zip(crop.fitted, crop.shape, strict=True)))
    if crop == full_crop(shape):
        return part
    out = np.full((len(low), *shape), OUTSIDE, np.float32)
    out[:, crop.y0 : crop.y1, crop.x0 : crop.x1] = part
    return out


def resampled_logits(logits: np.ndarray, crop: Crop) -> np.ndarray:
    """Logits [H, W] of the image as float32 [128, 128] of a crop; OUTSIDE beyond its edge."""
    height, width = crop.fitted
    padded = np.full((SIDE, SIDE), OUTSIDE, np.float32)
    padded[:height, :width] = resized(crop.cut(logits)[..., None], (height, width))[..., 0]
    return padded.reshape(LOW, 2, LOW, 2).mean(axis=(1, 3))


def _enlarging(fitted: int, full: int) -> sparse.csr_array:
    """Weights [full, 128] along one axis: to the canvas, the part of it that the crop fills, to the crop's size."""
    return axis_weights(fitted, full, antialias=False) @ axis_weights(LOW, SIDE, antialias=False)[:fitted]
