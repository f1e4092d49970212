"""Intervals for data sets that training has never seen: offsets measured on masks of such sets alone.

Unseen people of the training sets say too little about another hospital's images: intervals that cover nine in ten of
those cover eight in ten there. A data set as a whole is what is new to a user, so each unseen set counts alike
(Dunn, Wasserman, Ramdas, "Distribution-free prediction sets for two-layer hierarchical models", 2022), and offsets
are measured by range of the prediction and of the image's distance from the training images.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evanyseg.nets.builtin_estimator import BuiltinEstimatorNet
from evanyseg.quality.conformal import Calibration, weighted_quantile
from evanyseg.quality.gbdt import Trees
from evanyseg.quality.modes import NO_PROMPT
from evanyseg.quality.ood import OODDetector

from .calibrate import CalibrationData, coverage_and_width
from .raw_predictions import raw_predictions
from .samples.data import EstimatorData
from .samples.fixed import fixed_samples

OOD_EDGES = (1.2, 2.0)
"""Scores between which images are near, farther and far: thirds of 27 unseen sets, about."""
RANGES = 3
FEWEST = 60
"""Masks below which a cell takes the offset of all."""


@dataclass(frozen=True)
class SetPredictions:
    """Raw predictions, truth and OOD scores of N masks, all [N], with each mask's set and source (str [N])."""

    dice: np.ndarray
    low: np.ndarray
    high: np.ndarray
    true: np.ndarray
    ood_score: np.ndarray
    sets: np.ndarray
    sources: np.ndarray

    def where(self, keep: np.ndarray) -> SetPredictions:
        """Some of the masks."""
        return SetPredictions(**{name: values[keep] for name, values in vars(self).items()})


def fit_intervals(plain: Calibration, of_unseen: SetPredictions, level: float = 0.9) -> Calibration:
    """The recalibration of `plain`, with offsets from masks of unseen sets, each set of the same weight."""
    sized = np.unique(of_unseen.sets, return_inverse=True, return_counts=True)
    weights = 1.0 / sized[2][sized[1]]
    center = plain.recalibrated(of_unseen.dice)
    edges = tuple(float(weighted_quantile(center, weights, k / RANGES)) for k in range(1, RANGES))
    bare = replace(plain, edges=edges, ood_edges=OOD_EDGES, offsets=((0.0, 0.0),) * (RANGES * (len(OOD_EDGES) + 1)))
    _, low, high = bare.apply(of_unseen.dice, of_unseen.low, of_unseen.high, of_unseen.ood_score)
    scores = np.maximum(low - of_unseen.true, of_unseen.true - high)
    cell = bare.cell(center, of_unseen.ood_score)
    offsets = []
    for index in range(len(bare.offsets)):
        mine = cell == index if (cell == index).sum() >= FEWEST else np.ones(len(cell), bool)
        offset = weighted_quantile(scores[mine], weights[mine], level)
        offsets.append((offset, offset))
    return replace(bare, offsets=tuple(offsets), level=level)


def cross_validated(plain: Calibration, of_unseen: SetPredictions, level: float = 0.9) -> dict[str, Any]:
    """Coverage and mean width on each set with offsets from the sets of other sources, and as `plain` has it: macro
    means, the least, and by set."""
    found: dict[str, Any] = {}
    for name, fit in (("before", lambda _: plain), ("after", lambda rest: fit_intervals(plain, rest, level))):
        coverage, width = {}, []
        for source in np.unique(of_unseen.sources):
            calibration = fit(of_unseen.where(of_unseen.sources != source))
            for one in np.unique(of_unseen.sets[of_unseen.sources == source]):
                mine = of_unseen.where(of_unseen.sets == one)
                known = CalibrationData(mine.dice, mine.low, mine.high, mine.true, mine.sources)
                coverage[str(one)], wide = coverage_and_width(calibration, known, mine.ood_score)
                width.append(wide)
        found[name] = {
            "sets": len(coverage), "masks": len(of_unseen.true), "coverage": float(np.mean(list(coverage.values()))),
            "least": min(coverage.values()), "width": float(np.mean(width)), "by_set": coverage,
        }  # fmt: skip
    return found


def predict_unseen(
    net: BuiltinEstimatorNet, trees: Trees | None, ood_detector: OODDetector, data: EstimatorData, factor: float,
    mode: str, per_set: int, flips: bool, seed: int = 9,
) -> SetPredictions:  # fmt: skip
    """Predictions on `per_set` masks of each set of `data` (half by methods where there are enough)."""
    without_box = mode == NO_PROMPT
    picks = fixed_samples(data, per_set, seed, without_box)
    found = raw_predictions(net, data, picks, factor, without_box, flips, trees, ood_detector)
    table = data.candidates.table
    sources = np.array([str(table.source[candidate]) for candidate, _ in picks])
    return SetPredictions(**found, sets=np.array([name for _, name in picks]), sources=sources)
