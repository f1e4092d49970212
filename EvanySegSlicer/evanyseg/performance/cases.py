"""Images, truths and the checkpoints' predictions on one small square grid: what the reverse step works with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..geometry.plane_stack import evenly
from ..geometry.resample import resized, resized_bytes

SIDE = 128
"""Pixels of the working grid of masks, as published."""
IMAGE_SIDE = 256
"""Pixels of the images, which the reverse engines look at."""
SUPPORT = 64
"""Images that teach the reverse segmenter at most, as published."""
GROUPS = 6
"""Groups that teach it in turn at most."""


@dataclass(frozen=True)
class Images:
    """N images (slices of volumes count alone), each stretched to a square.

    pixels uint8 [N, 256, 256, 3]; n = 128; truth bool [N, n, n] or None; predictions bool [K, N, n, n] of K
    checkpoints (K = 0: none); predicted_dice float [K, N]: what the quality estimator says of the predictions (NaN:
    unscored); subjects [N]: images of one subject are resampled together; names [N]; remarks: what reading the files
    gave rise to, as pairs of an image's name and a sentence.
    """

    pixels: np.ndarray = field(repr=False)
    truth: np.ndarray | None = field(repr=False)
    predictions: np.ndarray = field(repr=False)
    predicted_dice: np.ndarray = field(repr=False)
    subjects: Sequence[str]
    names: Sequence[str]
    remarks: Sequence[tuple[str, str]] = ()

    def __len__(self) -> int:
        return len(self.names)

    def groups(self, count: int) -> list[np.ndarray]:
        """Indices of groups of `count` images each, without overlap, each spread evenly; as many as there are, and
        `GROUPS` at most."""
        number = min(GROUPS, len(self) // count)
        chosen = evenly(np.arange(len(self)), number * count)
        return [chosen[first::number] for first in range(number)]

    def support(self, most: int = SUPPORT) -> np.ndarray:
        """Indices of so many images at most, spread evenly."""
        return evenly(np.arange(len(self)), most)


def squared(image: np.ndarray) -> np.ndarray:
    """uint8 [256, 256, 3] of image uint8 [H, W, 3]."""
    return resized_bytes(np.ascontiguousarray(image), IMAGE_SIDE)


def squared_mask(mask: np.ndarray) -> np.ndarray:
    """bool [128, 128] of a mask bool [H, W]: a pixel counts that the mask covers to a half or more. What is too small
    for that keeps the pixel that it covers most: an object must not become an empty mask."""
    covered = resized(mask[..., None].astype(np.float32), (SIDE, SIDE))[..., 0]
    out = covered >= 0.5
    if not out.any() and mask.any():
        out.flat[int(covered.argmax())] = True
    return out
