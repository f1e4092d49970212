"""Where the masks of the frozen list come from: damage, classical methods, rival segmenters, stored predictions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from evanyseg.overlap import dice
from evanyseg.prompts import BoxPrompt

from ...candidates.generators import SceneWindow, classical_masks, damage_masks
from ...data.store import Store
from ..comparison.model import Rival
from .unseen_corruption import UNSEEN_CLASSICAL, k_means_mask, unseen_damage


@dataclass(frozen=True)
class Task:
    """One object to be segmented: its row, its jittered box, and its own random numbers."""

    store: Store
    row: dict[str, Any]
    box: BoxPrompt
    rng: np.random.Generator


@dataclass(frozen=True, eq=False)
class Draft:
    """A mask bool [H, W] that may go into the list. maker: damage, unseen damage, classical, unseen classical, rival
    or stored; family: the kind, the method or the model."""

    mask: np.ndarray
    maker: str
    family: str
    box: BoxPrompt
    dice: float

    @cached_property
    def digest(self) -> str:
        """Eight hex digits of the mask's bits: two builds of a list can be compared by them."""
        return hashlib.sha256(np.packbits(self.mask).tobytes()).hexdigest()[:8]


Maker = Callable[[Task], Iterator[tuple[np.ndarray, str, str]]]
"""Task -> (mask, maker, family)."""


def drafts_of(
    store: Store, row: dict[str, Any], box: BoxPrompt, rng: np.random.Generator, makers: Sequence[Maker]
) -> list[Draft]:
    """Every maker's masks of one object, with their true Dice. Makers draw from one generator, in order."""
    truth = store.mask(row["row"])
    return [
        Draft(mask, maker, family, box, dice(mask, truth))
        for make in makers
        for mask, maker, family in make(Task(store, row, box, rng))
    ]


def synthetic_maker(damage: int = 8, unseen: int = 2) -> Maker:
    """Damage of known and of unseen families, and classical methods."""

    def make(task: Task) -> Iterator[tuple[np.ndarray, str, str]]:
        window = SceneWindow(task.store, task.row["row"], float(task.rng.uniform(2.0, 3.2)))
        for mask, family in damage_masks(window, damage, task.rng):
            yield mask, "damage", family
        for mask, family in unseen_damage(window, unseen, task.rng):
            yield mask, "unseen damage", family
        for mask, family in classical_masks(window, task.box, task.rng):
            yield mask, "classical", family
        yield k_means_mask(window, task.box, task.rng), "unseen classical", UNSEEN_CLASSICAL

    return make


def rival_maker(rivals: Sequence[Rival]) -> Maker:
    """Every checkpoint of the segmenters that only evaluation knows."""

    def make(task: Task) -> Iterator[tuple[np.ndarray, str, str]]:
        image = task.store.image(int(task.row["image_id"]))
        for rival in rivals:
            yield rival.segment(image, [task.box])[0], "rival", rival.name

    return make


def stored_maker(most: int = 4, people: bool = False) -> Maker:
    """Stored predictions of the object, at most `most` of them (people's outlines only when asked for)."""
    references: dict[int, dict[int, list[int]]] = {}

    def make(task: Task) -> Iterator[tuple[np.ndarray, str, str]]:
        rows = task.store.manifest
        if id(task.store) not in references:
            predictions = rows[(rows.kind == "prediction") & (rows.people == people)]
            references[id(task.store)] = {int(k): list(v) for k, v in predictions.groupby("reference").row}
        found = references[id(task.store)].get(int(task.row["row"]), [])
        for row in found if len(found) <= most else sorted(task.rng.choice(found, most, replace=False).tolist()):
            yield task.store.prediction(row), "people" if people else "stored", str(rows.prediction_source.iat[row])

    return make
