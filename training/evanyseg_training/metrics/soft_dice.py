"""The soft Dice loss that the trainings of the segmenter, the estimator's maps and the comparison segmenters share."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor


def soft_dice_loss(
    probability: Tensor, target: Tensor, dims: Sequence[int], weight: Tensor | float = 1.0, smoothing: float = 1.0
) -> Tensor:
    """1 - (2 overlap + smoothing) / (areas + smoothing), summed over `dims`; probability and target in [0, 1], `weight`
    of each cell. The smoothing makes two empty masks agree, and their gradient finite."""
    axes = tuple(dims)
    overlap = (probability * target * weight).sum(axes)
    areas = (probability * weight).sum(axes) + (target * weight).sum(axes)
    return 1 - (2 * overlap + smoothing) / (areas + smoothing)
