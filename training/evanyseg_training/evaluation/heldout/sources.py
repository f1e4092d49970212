"""Where the masks of the frozen list come from: corruption, classical methods, comparison segmenters, stored masks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from evanyseg.overlap import dice
from evanyseg.prompts import BoxPrompt

from ...candidates.generators import ObjectWindow, classical_masks, corruption_masks
from ...candidates.mask_sources import CLASSICAL, COMPARISON, CORRUPTION, STORED, UNSEEN_CLASSICAL, UNSEEN_CORRUPTION
from ...data.store import Store
from ..comparison.model import ComparisonSegmenter
from .unseen_corruption import K_MEANS, k_means_mask, unseen_corruption_masks


@dataclass(frozen=True)
class Task:
    """One object to be segmented: its row, its jittered box, and its own random numbers."""

    store: Store
    row: dict[str, Any]
    box: BoxPrompt
    rng: np.random.Generator


@dataclass(frozen=True, eq=False)
class Draft:
    """A mask bool [H, W] that may go into the list. mask_source: corruption, unseen corruption, classical, unseen
    classical, comparison or stored; mask_method: the kind, the method or the model."""

    mask: np.ndarray
    mask_source: str
    mask_method: str
    box: BoxPrompt
    dice: float

    @cached_property
    def digest(self) -> str:
        """Eight hex digits of the mask's bits: two builds of a list can be compared by them."""
        return hashlib.sha256(np.packbits(self.mask).tobytes()).hexdigest()[:8]


MaskSource = Callable[[Task], Iterator[tuple[np.ndarray, str, str]]]
"""Task -> (mask, mask_source, mask_method)."""


def drafts_of(
    store: Store, row: dict[str, Any], box: BoxPrompt, rng: np.random.Generator, mask_sources: Sequence[MaskSource]
) -> list[Draft]:
    """Every source's masks of one object, with their true Dice. Sources draw from one generator, in order."""
    truth = store.mask(row["row"])
    return [
        Draft(mask, mask_source, mask_method, box, dice(mask, truth))
        for make in mask_sources
        for mask, mask_source, mask_method in make(Task(store, row, box, rng))
    ]


def synthetic_source(corrupted: int = 8, unseen: int = 2) -> MaskSource:
    """Corruption by known and by unseen methods, and classical methods."""

    def make(task: Task) -> Iterator[tuple[np.ndarray, str, str]]:
        window = ObjectWindow(task.store, task.row["row"], float(task.rng.uniform(2.0, 3.2)))
        for mask, mask_method in corruption_masks(window, corrupted, task.rng):
            yield mask, CORRUPTION, mask_method
        for mask, mask_method in unseen_corruption_masks(window, unseen, task.rng):
            yield mask, UNSEEN_CORRUPTION, mask_method
        for mask, mask_method in classical_masks(window, task.box, task.rng):
            yield mask, CLASSICAL, mask_method
        yield k_means_mask(window, task.box, task.rng), UNSEEN_CLASSICAL, K_MEANS

    return make


def comparison_source(comparison: Sequence[ComparisonSegmenter]) -> MaskSource:
    """Every checkpoint of the segmenters that only evaluation knows."""

    def make(task: Task) -> Iterator[tuple[np.ndarray, str, str]]:
        image = task.store.image(int(task.row["image_id"]))
        for segmenter in comparison:
            yield segmenter.segment(image, [task.box])[0], COMPARISON, segmenter.name

    return make


def stored_source(store: Store, most: int = 4) -> MaskSource:
    """Stored predictions of the object by models, at most `most` of them."""
    rows = store.manifest
    predictions = rows[(rows.kind == "prediction") & ~rows.human_annotator]
    of_object = {int(reference): list(found) for reference, found in predictions.groupby("reference").row}

    def make(task: Task) -> Iterator[tuple[np.ndarray, str, str]]:
        found = of_object.get(int(task.row["row"]), [])
        for row in found if len(found) <= most else sorted(task.rng.choice(found, most, replace=False).tolist()):
            yield store.prediction(row), STORED, str(rows.prediction_source.iat[row])

    return make
