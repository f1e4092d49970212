"""Calibration of an estimator's numbers: monotone recalibration and conformal intervals, stored as plain numbers.

The intervals are conformalised quantile regression (Romano, Patterson, Candes, NeurIPS 2019): predicted quantiles are
widened (or narrowed) by an offset measured on masks of known quality, one offset per range of the prediction and per
distance of the image from the training images, so that poor and good masks, usual and unusual images are all covered.
Fitting is in `evanyseg_training.estimator`: `calibrate`, and `intervals` for data sets that training never saw.
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

    edges: ascending inner limits of the recalibrated prediction; ood_edges: of the image's OOD score (`quality.ood`);
    offsets: one (below, above) pair per range of the prediction for each range of the score, nearest images first
    ((len(edges) + 1) * (len(ood_edges) + 1) of them), subtracted from the low and added to the high quantile. `level`:
    nominal coverage.
    """

    knots_x: tuple[float, ...]
    knots_y: tuple[float, ...]
    edges: tuple[float, ...]
    offsets: tuple[tuple[float, float], ...]
    level: float
    ood_edges: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        consistent = (
            len(self.knots_x) == len(self.knots_y) >= 1
            and len(self.offsets) == (len(self.edges) + 1) * (len(self.ood_edges) + 1)
            and all(np.diff(self.knots_x) > 0)
            and all(np.diff(self.knots_y) >= 0)
            and all(np.diff(self.edges) > 0)
            and all(np.diff(self.ood_edges) > 0)
            and 0 < self.level < 1
        )
        if not consistent:
            raise WeightsError("The calibration stored with the estimator is inconsistent; get its file anew.")

    def recalibrated(self, dice: np.ndarray) -> np.ndarray:
        """Monotone map of predictions [N] into [0, 1]."""
        return np.clip(np.interp(dice, self.knots_x, self.knots_y), 0.0, 1.0)

    def cell(self, center: np.ndarray, ood_score: np.ndarray | None = None) -> np.ndarray:
        """Which of the offsets belongs to recalibrated predictions [N] on images of some OOD scores [N] (None: not
        known, taken as farthest)."""
        which = np.searchsorted(np.array(self.edges), center, side="right")
        far = len(self.ood_edges)
        group = far if ood_score is None else np.searchsorted(np.array(self.ood_edges), ood_score, side="right")
        return group * (len(self.edges) + 1) + which

    def apply(
        self, dice: np.ndarray, low: np.ndarray, high: np.ndarray, ood_score: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Recalibrated dice with its interval, all [N] in [0, 1], low <= dice <= high.

        `low` and `high` are the network's outer quantiles; they go through the same recalibration first. ood_score: see
        `cell`.
        """
        center = self.recalibrated(np.asarray(dice, float))
        offset = np.array(self.offsets)[self.cell(center, ood_score)]
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
            "ood_edges": list(self.ood_edges),
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
                _floats(stored.get("ood_edges", ())),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise WeightsError(f"The calibration stored with the estimator cannot be read ({error}).") from error


def weighted_quantile(scores: np.ndarray, weights: np.ndarray, level: float) -> float:
    """The smallest score such that those up to it have a share `level` of all weight; 0 for none."""
    if not len(scores):
        return 0.0
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(np.asarray(weights, float)[order])
    # a hair less: sums of equal weights in floating point may miss a whole share
    place = int(np.searchsorted(reached, (level - 1e-9) * reached[-1]))
    return float(np.asarray(scores, float)[order][min(place, len(order) - 1)])


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
