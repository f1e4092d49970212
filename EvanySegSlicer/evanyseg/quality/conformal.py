"""Calibration of an estimator's numbers: monotone recalibration and conformal intervals, stored as plain numbers.

The intervals are conformalised quantile regression (Romano, Patterson, Candes, NeurIPS 2019): predicted quantiles are
widened (or narrowed) by an offset measured on a calibration split, one offset per range of the prediction, so that
poor and good masks are both covered. Fitting is in `evanyseg_training.estimator.calibrate`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import WeightsError


@dataclass(frozen=True)
class Calibration:
    """knots_x ascending -> knots_y non-decreasing: recalibration, linear between knots, constant beyond.

    edges: ascending inner limits of the recalibrated prediction; offsets: one (below, above) pair per range
    (len(edges) + 1 of them), subtracted from the low and added to the high quantile. `level`: nominal coverage.
    """

    knots_x: tuple[float, ...]
    knots_y: tuple[float, ...]
    edges: tuple[float, ...]
    offsets: tuple[tuple[float, float], ...]
    level: float

    def __post_init__(self) -> None:
        consistent = (
            len(self.knots_x) == len(self.knots_y) >= 1
            and len(self.offsets) == len(self.edges) + 1
            and all(np.diff(self.knots_x) > 0)
            and all(np.diff(self.knots_y) >= 0)
            and all(np.diff(self.edges) > 0)
            and 0 < self.level < 1
        )
        if not consistent:
            raise WeightsError("The calibration stored with the estimator is inconsistent; get its file anew.")

    def recalibrated(self, dice: np.ndarray) -> np.ndarray:
        """Monotone map of predictions [N] into [0, 1]."""
        return np.clip(np.interp(dice, self.knots_x, self.knots_y), 0.0, 1.0)

    def apply(self, dice: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Recalibrated dice with its interval, all [N] in [0, 1], low <= dice <= high.

        `low` and `high` are the network's outer quantiles; they go through the same recalibration first.
        """
        center = self.recalibrated(np.asarray(dice, float))
        which = np.searchsorted(np.array(self.edges), center, side="right")
        offset = np.array(self.offsets)[which]
        lower = np.clip(self.recalibrated(np.asarray(low, float)) - offset[:, 0], 0.0, 1.0)
        upper = np.clip(self.recalibrated(np.asarray(high, float)) + offset[:, 1], 0.0, 1.0)
        return center, np.minimum(lower, center), np.maximum(upper, center)

    def as_json(self) -> dict[str, Any]:
        return {
            "knots_x": list(self.knots_x),
            "knots_y": list(self.knots_y),
            "edges": list(self.edges),
            "offsets": [list(pair) for pair in self.offsets],
            "level": self.level,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Calibration:
        """Raises WeightsError for missing or impossible numbers."""
        try:
            return cls(
                _floats(stored["knots_x"]),
                _floats(stored["knots_y"]),
                _floats(stored["edges"]),
                tuple((float(a), float(b)) for a, b in stored["offsets"]),
                float(stored["level"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise WeightsError(f"The calibration stored with the estimator cannot be read ({error}).") from error


def conformal_quantile(scores: np.ndarray, level: float) -> float:
    """The ceil((n + 1) level)-th smallest of n scores: adding it to an interval covers a new case with probability of
    at least `level`; the largest score when n is too small for that (infinity would be useless to a reader)."""
    ordered = np.sort(np.asarray(scores, float))
    if not len(ordered):
        return 0.0
    # round first: (n + 1) * 0.9 in floating point may lie a hair above a whole number
    rank = int(np.ceil(round((len(ordered) + 1) * level, 9)))
    return float(ordered[min(rank, len(ordered)) - 1])


def _floats(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(v) for v in values)
