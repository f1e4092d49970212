"""What travels between layers: candidates of a segmenter, estimates of a quality estimator."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .prompts import BoxPrompt


@dataclass(frozen=True)
class Embedding:
    """An image as a segmenter has encoded it, once, for many prompts.

    `features` is opaque to everybody but the segmenter named in `segmenter`; `shape` is (H, W) of the image.
    """

    segmenter: str
    shape: tuple[int, int]
    features: Any
    nbytes: int


@dataclass(frozen=True)
class Candidates:
    """K masks for one prompt, at image resolution.

    logits [K, H, W] float32 (mask = logits > threshold), predicted_iou [K] and stability [K] in [0, 1]
    (NaN where the model has no trained head for it), low_resolution_logits [K, h, w] to prompt again with.
    """

    logits: np.ndarray
    predicted_iou: np.ndarray
    stability: np.ndarray
    low_resolution_logits: np.ndarray
    threshold: float = 0.0

    @property
    def masks(self) -> np.ndarray:
        """Boolean masks [K, H, W]."""
        return self.logits > self.threshold

    @property
    def best(self) -> int:
        """Index of the candidate the segmenter itself prefers: highest predicted IoU, else the first."""
        return int(np.nanargmax(self.predicted_iou)) if np.isfinite(self.predicted_iou).any() else 0


@dataclass(frozen=True)
class QualityEstimate:
    """How good a mask is, assessed without ground truth.

    dice with its interval [low, high] at nominal `level`, all in [0, 1] or NaN (unscored); hd95 (the 95th percentile of
    the surface distances) and hd_max (the largest of them, the Hausdorff distance) in pixels of the image, None where
    the model has no head for it; false_positive / false_negative: probability [H, W] float32 that a pixel of the mask
    is wrong / that a pixel outside it is missing, None when absent or not asked for.
    `caveats` are reasons for doubt, as short phrases of `Caveat`.
    """

    dice: float
    low: float
    high: float
    level: float
    estimator: str
    hd95: float | None = None
    false_positive: np.ndarray | None = field(default=None, repr=False, compare=False)
    false_negative: np.ndarray | None = field(default=None, repr=False, compare=False)
    caveats: tuple[str, ...] = ()
    hd_max: float | None = None

    @property
    def scored(self) -> bool:
        return not math.isnan(self.dice)

    @classmethod
    def unscored(cls, estimator: str, *caveats: str, level: float = 0.9) -> QualityEstimate:
        """A case that cannot be scored: NaN and the reason, never a made-up number."""
        return cls(math.nan, math.nan, math.nan, level, estimator, caveats=caveats)


class Caveat:
    """The reasons for doubt, in the words that users read."""

    EMPTY_MASK = "empty mask"
    FULL_MASK = "mask fills the image"
    BOX_OFF_IMAGE = "box partly off the image"
    MASK_OUTSIDE_BOX = "mask outside its box"
    CONSTANT_IMAGE = "constant image"
    NOT_A_NUMBER = "image has NaN or infinite values"
    UNLIKE_TRAINING = "unlike the training data"
    TINY = "object of very few pixels"
    NO_INTERVAL = "interval not calibrated"
    RESAMPLED = "mask resampled to the image's grid"


@dataclass(frozen=True)
class QualityCase:
    """One (image, mask, box) to be scored: image uint8 [H, W, 3], mask bool [H, W], box or None (the mask's own).

    `caveats` are doubts known before the estimator sees it (NaN voxels, constant slice); estimators append theirs.
    `label`: what the mask is meant to be, where that is known ('liver'); most estimators do not ask.
    """

    image: np.ndarray
    mask: np.ndarray
    box: BoxPrompt | None = None
    caveats: tuple[str, ...] = ()
    label: str = ""
