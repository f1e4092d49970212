"""Units of the features, measured once on training sources: eight references are too few to measure them on."""

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
