"""What a segmenter says about its own masks, read as Dice without any fitting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.geometry.box_jitter import jittered
from evanyseg.overlap import dice, dice_of_iou
from evanyseg.prompts import BoxPrompt
from evanyseg.protocols import Segmenter
from evanyseg.results import Embedding

if TYPE_CHECKING:
    import pandas as pd

SIGNALS = ("predicted iou", "stability", "head agreement", "jitter agreement", "pairwise dice")


def _as_it_is(values: np.ndarray) -> np.ndarray:
    return values


@dataclass
class Signal:
    """A column of the table, as Dice."""

    column: str
    as_dice: Callable[[np.ndarray], np.ndarray] = _as_it_is
    name: str = ""

    def __post_init__(self) -> None:
        self.name = self.name or self.column

    def fit(self, table: pd.DataFrame, value: np.ndarray, weights: np.ndarray | None = None) -> Signal:
        return self

    def predict(self, table: pd.DataFrame) -> np.ndarray:
        if self.column not in table:
            return np.full(len(table), np.nan)
        return np.clip(self.as_dice(table[self.column].to_numpy(float)), 0, 1)


def signal_baselines() -> list[Signal]:
    """Predicted IoU u and stability (an IoU too) as 2u / (1 + u); agreements are Dice already."""
    return [
        Signal("predicted iou", dice_of_iou),
        Signal("stability", dice_of_iou),
        Signal("head agreement"),
        Signal("jitter agreement"),
        Signal("pairwise dice"),
    ]


def mean_agreement(mask: np.ndarray, others: Sequence[np.ndarray]) -> float:
    """Mean Dice of a mask with others, all bool [H, W]; NaN without others."""
    return float(np.mean([dice(mask, other) for other in others])) if len(others) else float("nan")


def pairwise_dice(masks: Sequence[np.ndarray]) -> np.ndarray:
    """[K]: mean Dice of each mask with all the others (Zenk et al., Medical Image Analysis 2025)."""
    table = np.full((len(masks), len(masks)), np.nan)
    for i, j in combinations(range(len(masks)), 2):
        table[i, j] = table[j, i] = dice(masks[i], masks[j])
    with np.errstate(invalid="ignore"):
        return np.nanmean(table, axis=1) if len(masks) > 1 else np.full(len(masks), np.nan)


def jitter_agreement(
    segmenter: Segmenter,
    embedding: Embedding,
    box: BoxPrompt,
    masks: np.ndarray,
    rng: np.random.Generator,
    boxes: int = 8,
    amounts: tuple[float, float] = (0.05, 0.10),
) -> np.ndarray:
    """[K]: mean Dice of each mask [K, H, W] with the same head's masks for jittered boxes (SAM-U)."""
    values = []
    for _ in range(boxes):
        moved = jittered(box, embedding.shape, rng, amounts[1], amounts[0])
        again = segmenter.segment(embedding, moved).masks
        values.append([dice(a, b) for a, b in zip(masks, again, strict=True)])
    return np.mean(values, axis=0)
