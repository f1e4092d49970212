"""Baselines that learn from training candidates: a constant, a line on one feature, boosting on many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .shape import FEATURES

if TYPE_CHECKING:
    import pandas as pd


class Baseline(Protocol):
    """Predicts Dice from a table of features; NaN where it cannot."""

    name: str

    def fit(self, table: pd.DataFrame, dice: np.ndarray, weights: np.ndarray | None = None) -> Baseline: ...

    def predict(self, table: pd.DataFrame) -> np.ndarray: ...


@dataclass
class Constant:
    """The mean Dice of the training candidates."""

    name: str = "constant"
    value: float = float("nan")

    def fit(self, table: pd.DataFrame, dice: np.ndarray, weights: np.ndarray | None = None) -> Constant:
        self.value = float(np.average(dice, weights=weights))
        return self

    def predict(self, table: pd.DataFrame) -> np.ndarray:
        return np.full(len(table), self.value)


@dataclass
class OneFeature:
    """A straight line on one feature: its order is the feature's, turned round where that is how it was learned."""

    feature: str
    name: str = ""
    coefficients: np.ndarray = field(default_factory=lambda: np.full(2, np.nan))

    def __post_init__(self) -> None:
        self.name = self.name or self.feature

    def fit(self, table: pd.DataFrame, dice: np.ndarray, weights: np.ndarray | None = None) -> OneFeature:
        x = table[self.feature].to_numpy(float)
        center, mean = np.average(x, weights=weights), np.average(dice, weights=weights)
        variance = np.average((x - center) ** 2, weights=weights)
        # without a box there is no leak: a feature that never changes predicts the mean
        slope = np.average((x - center) * (dice - mean), weights=weights) / variance if variance > 1e-12 else 0.0
        self.coefficients = np.array([slope, mean - slope * center])
        return self

    def predict(self, table: pd.DataFrame) -> np.ndarray:
        return np.polyval(self.coefficients, table[self.feature].to_numpy(float))


@dataclass
class Boosting:
    """Gradient boosting (scikit-learn's histogram trees, which take missing values) on the named columns."""

    columns: Sequence[str] = FEATURES
    name: str = "boosting on shape"
    rounds: int = 300
    seed: int = 0
    model: Any = None

    def fit(self, table: pd.DataFrame, dice: np.ndarray, weights: np.ndarray | None = None) -> Boosting:
        from sklearn.ensemble import HistGradientBoostingRegressor

        self.model = HistGradientBoostingRegressor(
            max_iter=self.rounds, learning_rate=0.06, max_leaf_nodes=31, min_samples_leaf=30, l2_regularization=1.0,
            random_state=self.seed,
        )  # fmt: skip
        self.model.fit(table[list(self.columns)].to_numpy(float), dice, sample_weight=weights)
        return self

    def predict(self, table: pd.DataFrame) -> np.ndarray:
        return np.clip(self.model.predict(table[list(self.columns)].to_numpy(float)), 0, 1)


def shape_baselines() -> list[Baseline]:
    """Everything that needs nothing but the mask, the image and the box."""
    single = ("log area", "box fill", "leak", "box iou", "components", "holes", "solidity", "edge contrast")
    return [Constant(), *(OneFeature(name) for name in single), Boosting()]


def set_weights(sets: np.ndarray) -> np.ndarray:
    """Weights that give every data set the same say, mean 1."""
    names, member, counts = np.unique(sets, return_inverse=True, return_counts=True)
    return len(sets) / (len(names) * counts[member])
