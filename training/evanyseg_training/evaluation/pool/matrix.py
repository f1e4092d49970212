"""The pool as prompts x candidates, and what each method's choice among the candidates is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...metrics.selection import SelectionResult, selection
from ..predictions import Predictions

if TYPE_CHECKING:
    import pandas as pd

OWN_CHOICE = "segmenter's own choice"
"""The mask head with the highest predicted IoU: what the segmenter returns when nobody selects."""


@dataclass(frozen=True)
class PoolMatrix:
    """index [P, K] into the table (-1: no such candidate), truth [P, K] (NaN)."""

    names: list[str]
    index: np.ndarray
    truth: np.ndarray
    images: np.ndarray
    sets: np.ndarray

    @classmethod
    def of(cls, table: pd.DataFrame) -> PoolMatrix:
        names = sorted(table.mask_method.unique())
        objects = table.object.unique()
        row = {name: i for i, name in enumerate(objects)}
        column = {name: k for k, name in enumerate(names)}
        index = np.full((len(objects), len(names)), -1)
        for i, (name, mask_method) in enumerate(zip(table.object, table.mask_method, strict=True)):
            index[row[name], column[mask_method]] = i
        truth = np.where(index >= 0, table.dice.to_numpy(float)[index], np.nan)
        first = table.drop_duplicates("object")
        return cls(names, index, truth, first.image.to_numpy(), first.set.to_numpy())

    def spread(self, values: np.ndarray) -> np.ndarray:
        """[P, K] from a value per line of the table; NaN where there is no candidate."""
        return np.where(self.index >= 0, np.asarray(values, float)[self.index], np.nan)

    def own_choice(self, predicted_iou: np.ndarray) -> np.ndarray:
        """[P]: true Dice of the head that the segmenter prefers."""
        scores = np.where(np.isfinite(self.spread(predicted_iou)), self.spread(predicted_iou), -np.inf)
        return self.truth[np.arange(len(self.truth)), scores.argmax(1)]

    def singles(self, predicted_iou: np.ndarray) -> dict[str, np.ndarray]:
        """[P] true Dice of everything that answers every prompt."""
        everywhere = {n: self.truth[:, k] for k, n in enumerate(self.names) if np.isfinite(self.truth[:, k]).all()}
        return {OWN_CHOICE: self.own_choice(predicted_iou), **everywhere}

    def macro_of(self, values: np.ndarray) -> float:
        """Mean over sets of the mean over prompts."""
        return float(np.mean([values[self.sets == s].mean() for s in np.unique(self.sets)]))


def best_single(table: pd.DataFrame) -> str:
    """The segmenter with the best macro Dice; to be found on training sources."""
    matrix = PoolMatrix.of(table)
    singles = matrix.singles(table["predicted iou"].to_numpy())
    return max(singles, key=lambda name: matrix.macro_of(singles[name]))


def selection_results(
    table: pd.DataFrame, methods: Mapping[str, Predictions], single: str
) -> tuple[dict[str, SelectionResult], dict[str, float]]:
    """What each method's choice among all candidates is worth, and the macro Dice of each single segmenter."""
    matrix = PoolMatrix.of(table)
    singles = matrix.singles(table["predicted iou"].to_numpy())
    alone = singles[single]
    scores = {name: matrix.spread(p.dice) for name, p in methods.items()}
    found = {name: selection(matrix.truth, s, alone, matrix.images, matrix.sets) for name, s in scores.items()}
    return found, {name: matrix.macro_of(values) for name, values in singles.items()}
