"""EvanySeg's own input: what the published regressors see (Senbi et al., arXiv 2409.14874, section on pre-processing).

The crop hides everything outside the box, so leakage out of the box costs a mask nothing here: that is the published
behaviour, kept for comparison. `context` is this project's own input.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ImageError
from ..prompts import BoxPrompt

if TYPE_CHECKING:
    from torch import Tensor

INPUT_SIZE = 224
POINT_MARGIN = 1.5
"""Sides of the crop of a point-prompted mask, as a multiple of the bounding box of its convex hull."""
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def point_box(mask: np.ndarray) -> BoxPrompt | None:
    """The crop of a mask without a box: its convex hull's bounding box times 1.5, possibly leaving the image.

    A set and its convex hull have the same bounding box, so the hull itself is never built. None for an empty mask.
    """
    mask_box = BoxPrompt.of_mask(mask)
    return None if mask_box is None else mask_box.scaled(POINT_MARGIN)


def blended_crop(image: np.ndarray, mask: np.ndarray, box: BoxPrompt) -> np.ndarray:
    """uint8 [h, w, 3]: the box's pixels (rounded outwards), red = half red + half mask (0/255); zero off the image.

    image uint8 [H, W, 3], mask bool [H, W]. Values are truncated to integers, as assigning to a uint8 array does.
    Raises ImageError for other shapes.
    """
    if image.ndim != 3 or image.shape[2] != 3 or mask.shape != image.shape[:2]:
        raise ImageError(
            f"The paper's crop needs an image [H, W, 3] and a mask [H, W], got {list(image.shape)} and "
            f"{list(mask.shape)}."
        )
    height, width = mask.shape
    x0, y0, x1, y1 = (math.floor(box.x0), math.floor(box.y0), math.ceil(box.x1), math.ceil(box.y1))
    crop = np.zeros((max(y1 - y0, 1), max(x1 - x0, 1), 3), np.uint8)
    sx0, sy0, sx1, sy1 = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    if sx1 <= sx0 or sy1 <= sy0:
        return crop
    inside = crop[sy0 - y0 : sy1 - y0, sx0 - x0 : sx1 - x0]
    inside[...] = image[sy0:sy1, sx0:sx1]
    red = 0.5 * inside[..., 0] + np.where(mask[sy0:sy1, sx0:sx1] > 0, 127.5, 0.0)
    inside[..., 0] = red.astype(np.uint8)
    return crop


def resized_crop(image: np.ndarray, mask: np.ndarray, box: BoxPrompt, size: int = INPUT_SIZE) -> Tensor:
    """uint8 tensor [3, size, size]: `blended_crop`, bilinear with antialiasing on 8-bit values, aspect not kept."""
    import torch
    from torch.nn.functional import interpolate

    crop = torch.from_numpy(blended_crop(image, mask, box)).permute(2, 0, 1)[None].contiguous()
    return interpolate(crop, (size, size), mode="bilinear", antialias=True, align_corners=False)[0]


def paper_input(image: np.ndarray, mask: np.ndarray, box: BoxPrompt | None = None, size: int = INPUT_SIZE) -> Tensor:
    """Normalised float32 tensor [3, size, size] for one mask; box None crops as for point prompts.

    `resized_crop`, then ImageNet mean and deviation. Raises ImageError for wrong shapes and for an empty mask without a
    box.
    """
    import torch

    if box is None:
        box = point_box(mask)
        if box is None:
            raise ImageError("An empty mask has no crop of its own; give the box it was made with.")
    resized = resized_crop(image, mask, box, size)
    mean = torch.tensor(IMAGENET_MEAN).view(3, 1, 1)
    std = torch.tensor(IMAGENET_STD).view(3, 1, 1)
    return (resized.float() / 255 - mean) / std
