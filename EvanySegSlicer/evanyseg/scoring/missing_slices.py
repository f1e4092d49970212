"""Is the object missing on a slice without a mask? Assessed by carrying the neighbour's box over to it.

A box-prompted segmenter finds something in every box, so finding is not enough: what it finds must score well,
must overlap what the neighbour has, and must look like the neighbour's object rather than like its surroundings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from scipy.ndimage import binary_dilation

from ..errors import PromptError
from ..overlap import dice
from ..pipeline.slice_pipeline import SliceInput, SlicePipeline
from ..prompts import BoxPrompt
from ..protocols import ShouldCancel, never_cancel
from ..results import QualityEstimate


class EmptySliceStatus(str, Enum):
    """What a row of a score table is about."""

    MASK = "mask"
    GAP = "gap, not assessed"
    MISSING = "missing?"
    ABSENT = "absent"


@dataclass(frozen=True)
class EmptySliceResult:
    """`estimate` scores the empty mask: 0 when the object seems to be there, unscored when it seems not to be.

    `found`: the mask [H, W] that the carried box gave, None when the box left the image or nothing was found.
    """

    finding: EmptySliceStatus
    estimate: QualityEstimate
    box: BoxPrompt | None = None
    found: np.ndarray | None = None


def empty_slices(filled: Sequence[int], count: int, beyond_ends: bool) -> list[tuple[int, int]]:
    """(slice without a mask, nearest slice with one) of the gaps between `filled` slices (ascending indices of a stack
    of `count`) and, with `beyond_ends`, of the slice beyond each end; of two equally near ones the lower."""
    if len(filled) == 0:
        return []
    known = np.asarray(filled, int)
    reach = int(beyond_ends)
    examined = range(max(0, int(known[0]) - reach), min(count, int(known[-1]) + 1 + reach))
    here = {int(index) for index in known}
    return [(i, int(known[np.abs(known - i).argmin()])) for i in examined if i not in here]


class MissingSliceDetector:
    """Assesses one empty slice beside one with a mask.

    quality_above: lowest predicted Dice of the found mask; overlap_above: lowest Dice with the neighbour's mask;
    grow: the neighbour's box times this is the prompt.
    """

    def __init__(
        self, pipeline: SlicePipeline, quality_above: float = 0.7, overlap_above: float = 0.5, grow: float = 1.1
    ) -> None:
        self.pipeline = pipeline
        self.quality_above = quality_above
        self.overlap_above = overlap_above
        self.grow = grow

    @property
    def segmenter(self) -> str:
        return self.pipeline.segmenter.name if self.pipeline.segmenter else ""

    def assess(
        self,
        empty: SliceInput,
        near: SliceInput,
        near_mask: np.ndarray,
        should_cancel: ShouldCancel = never_cancel,
        label: str = "",
    ) -> EmptySliceResult:
        """Assess the slice `empty` by the slice `near` and its mask bool [H, W] (not empty); label: what it is meant to
        be. Raises CancelledError."""
        name, level = self.pipeline.estimator.name, self.pipeline.estimator.level
        near_box = BoxPrompt.of_mask(near_mask)
        absent = QualityEstimate.unscored(name, EmptySliceStatus.ABSENT.value, level=level)
        if near_box is None:
            return EmptySliceResult(EmptySliceStatus.ABSENT, absent)
        try:
            box = near_box.scaled(self.grow).validated(empty.pixels.shape)
        except PromptError:  # the neighbour's object is at the very edge, or tiny
            return EmptySliceResult(EmptySliceStatus.ABSENT, absent)
        result = self.pipeline.segment(empty, box, should_cancel=should_cancel, label=label)
        found = result.mask
        there = (
            result.estimate.dice >= self.quality_above
            and dice(found, near_mask) >= self.overlap_above
            and _alike(empty, found, near, near_mask)
        )
        if not there:
            return EmptySliceResult(EmptySliceStatus.ABSENT, absent, box, found if found.any() else None)
        missed = next(self.pipeline.score([(empty, np.zeros_like(found), box, label)], should_cancel=should_cancel))
        return EmptySliceResult(EmptySliceStatus.MISSING, missed, box, found)


def _alike(empty: SliceInput, found: np.ndarray, near: SliceInput, near_mask: np.ndarray) -> bool:
    """Mean intensity of the found region is nearer to the neighbour's object than to the ring around that object."""
    here = empty.window.apply(empty.pixels).mean(axis=-1)
    there = near.window.apply(near.pixels).mean(axis=-1)
    width = max(2, round(0.1 * np.sqrt(np.count_nonzero(near_mask))))
    ring = binary_dilation(near_mask, iterations=width) & ~near_mask
    if not found.any() or not ring.any():
        return bool(found.any())
    value, inside, around = here[found].mean(), there[near_mask].mean(), there[ring].mean()
    return bool(abs(value - inside) <= abs(value - around))
