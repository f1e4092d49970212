"""The second half of what is learned: a line from the measured numbers to how far the built-in estimator is off.

Trees that have seen eight images know steps; a line knows slopes, so that two masks of one kind are put in order. It
is fitted to the built-in estimator's error (no evidence: no change), in units measured once on training sources, and
as flat as subjects left out want it (ridge regression).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ...errors import WeightsError
from ..features import ABSOLUTE, COUNT

SCALE = Path(__file__).resolve().parent / "scale.json"
"""Written by `evanyseg-train adapt-learners --scale`."""
FAR = 5.0
"""Deviations beyond this many units count as this many."""
RELATIVE_UNIT = 2.0
"""Of what is measured relative to the references' true masks, whose unit is their spread."""
PENALTIES = (3.0, 10.0, 30.0, 100.0, 300.0)
FEW_PENALTY = 30.0
"""With fewer than three subjects none can be left out to choose."""
MOST_FOLDS = 8


@dataclass(frozen=True)
class Scale:
    """center, spread [COUNT] of the features."""

    center: np.ndarray
    spread: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """[N, COUNT] in units."""
        out: np.ndarray = np.clip((x - self.center) / self.spread, -FAR, FAR)
        return out


def scale_of(absolute: np.ndarray) -> Scale:
    """From measured masks [N, ABSOLUTE] of training sources."""
    known = np.nan_to_num(absolute)
    relative = COUNT - ABSOLUTE
    return Scale(
        np.append(known.mean(axis=0), np.zeros(relative)),
        np.append(np.maximum(known.std(axis=0), 1e-3), np.full(relative, RELATIVE_UNIT)),
    )


@lru_cache(maxsize=1)
def shipped_scale() -> Scale:
    """Raises WeightsError for a file that does not fit this version's features."""
    stored = json.loads(SCALE.read_text(encoding="utf-8"))
    scale = Scale(np.array(stored["center"], np.float64), np.array(stored["spread"], np.float64))
    if scale.center.shape != (COUNT,) or scale.spread.shape != (COUNT,) or not (scale.spread > 0).all():
        raise WeightsError(f"{SCALE.name} does not have one unit for each of the {COUNT} features; install again.")
    return scale


def write_scale(path: Path, scale: Scale, told: str) -> None:
    """told: from which masks. Raises OutputError."""
    from ...io.write import write_text

    numbers = {name: [float(f"{v:.6g}") for v in getattr(scale, name)] for name in ("center", "spread")}
    write_text(path, json.dumps({"from": told, **numbers}, indent=1) + "\n")


@dataclass(frozen=True)
class Line:
    """error = offset + slopes . scaled features; slopes [COUNT]."""

    slopes: np.ndarray
    offset: float
    scale: Scale

    def predict(self, x: np.ndarray, builtin: np.ndarray) -> np.ndarray:
        """dice [N] from features [N, COUNT] and the built-in estimator's answers [N]."""
        out: np.ndarray = np.clip(builtin + self.offset + self.scale(x) @ self.slopes, 0, 1)
        return out


def fit_line(
    x: np.ndarray, truth: np.ndarray, builtin: np.ndarray, weight: np.ndarray, group: np.ndarray, scale: Scale
) -> Line:
    """From features [N, COUNT] of masks of known Dice; group: their subjects, which choose the penalty."""
    scaled, error = scale(x), truth - builtin
    present = np.unique(group)
    penalty = FEW_PENALTY
    if len(present) > 2:
        folds = [
            np.isin(group, present[n :: min(MOST_FOLDS, len(present))]) for n in range(min(MOST_FOLDS, len(present)))
        ]
        wrong = [_left_out_error(scaled, error, weight, folds, penalty) for penalty in PENALTIES]
        penalty = PENALTIES[int(np.argmin(wrong))]
    slopes, offset = _ridge(scaled, error, weight, penalty)
    return Line(slopes, offset, scale)


def _left_out_error(
    x: np.ndarray, error: np.ndarray, weight: np.ndarray, folds: list[np.ndarray], penalty: float
) -> float:
    total = 0.0
    for out in folds:
        slopes, offset = _ridge(x[~out], error[~out], weight[~out], penalty)
        total += float(weight[out] @ (offset + x[out] @ slopes - error[out]) ** 2)
    return total


def _ridge(x: np.ndarray, y: np.ndarray, weight: np.ndarray, penalty: float) -> tuple[np.ndarray, float]:
    """Slopes and offset of weighted ridge regression; as many observations as the weights are worth."""
    share = weight / weight.sum()
    mean, center = float(share @ y), share @ x
    rows = (x - center) * np.sqrt(share / float(share @ share))[:, None]
    values = (y - mean) * np.sqrt(share / float(share @ share))
    slopes: np.ndarray = np.linalg.solve(rows.T @ rows + penalty * np.eye(x.shape[1]), rows.T @ values)
    return slopes, mean - float(center @ slopes)
