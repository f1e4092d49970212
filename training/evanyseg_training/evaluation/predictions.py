"""Running methods over cases: estimators (and the controls that take parts of their input away), fitted baselines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from evanyseg.prompts import MIN_SIDE, BoxPrompt
from evanyseg.protocols import Progress, QualityEstimator, no_progress
from evanyseg.results import QualityCase

from .baselines.fitted import Baseline, Boosting, set_weights, shape_baselines
from .baselines.signals import SIGNALS
from .cases import CaseSet

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Predictions:
    """dice [n] (NaN: unscored); low, high [n] where the method has intervals; hd95 [n] in pixels where it predicts it;
    caveats: one text a case."""

    dice: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    caveats: tuple[str, ...] = ()
    hd95: np.ndarray | None = None


def run_estimator(
    estimator: QualityEstimator, cases: Iterator[QualityCase], count: int, progress: Progress = no_progress
) -> Predictions:
    """Dice, interval, distance and caveats of every case, streamed."""
    found = []
    for done, estimate in enumerate(estimator.estimate_cases(cases)):
        distance = float("nan") if estimate.hd95 is None else estimate.hd95
        found.append((estimate.dice, estimate.low, estimate.high, distance, "; ".join(estimate.caveats)))
        if done % 100 == 0:
            progress(done / max(count, 1), estimator.name)
    dice, low, high, hd95 = (np.array([f[k] for f in found], float) for k in range(4))
    return Predictions(dice, low, high, tuple(f[4] for f in found), hd95)


def _other_image(case: QualityCase, other: QualityCase) -> QualityCase:
    size = case.image.shape[1::-1]
    return replace(case, image=cv2.resize(other.image, size, interpolation=cv2.INTER_AREA))


def _no_image(case: QualityCase, other: QualityCase) -> QualityCase:
    return replace(case, image=np.full_like(case.image, 128))


def _no_mask(case: QualityCase, other: QualityCase) -> QualityCase:
    if case.box is None:
        return case
    mask = np.zeros_like(case.mask)
    x0, y0, x1, y1 = (max(round(v), 0) for v in case.box.as_tuple())
    mask[y0:y1, x0:x1] = True
    return replace(case, mask=mask)


def _own_box(case: QualityCase, other: QualityCase) -> QualityCase:
    own = BoxPrompt.of_mask(case.mask)
    usable = own is not None and min(own.width, own.height) >= MIN_SIDE  # a smaller box is no prompt
    return replace(case, box=own if usable else case.box)


CONTROLS: dict[str, Callable[[QualityCase, QualityCase], QualityCase]] = {
    "image shuffled": _other_image,
    "mask only": _no_image,
    "image only": _no_mask,
    "box zeroed": _own_box,
}
"""What is taken away: the image of another case; no image; the box filled instead of the mask; the mask's own box
given as if it were the prompt."""


def controlled(cases: CaseSet, control: str, seed: int = 5) -> Iterator[QualityCase]:
    """The cases in mode 'box' with a control applied; for 'image shuffled' the other image is a random case's."""
    order = np.random.default_rng(seed).permutation(len(cases))
    for i, case in enumerate(cases.quality_cases("box")):
        other = case
        if control == "image shuffled":
            j = int(order[i])
            other = QualityCase(cases.image(j), cases.mask(j))
        yield CONTROLS[control](case, other)


def fit_baselines(features: pd.DataFrame, table: pd.DataFrame) -> list[Baseline]:
    """Shape baselines fitted on training candidates (their features and their table), every data set weighing alike."""
    dice, weights = table.dice.to_numpy(float), set_weights(table.set.to_numpy())
    return [baseline.fit(features, dice, weights) for baseline in shape_baselines()]


STACKED = "stacked"


def stacked_table(features: pd.DataFrame, estimate: Predictions, signals: pd.DataFrame | None = None) -> pd.DataFrame:
    """Shape features, the estimator's answer and the segmenter's signals (NaN without any), side by side."""
    empty = np.full(len(features), np.nan)
    table = features.assign(
        **{
            "estimate": estimate.dice,
            "estimate low": empty if estimate.low is None else estimate.low,
            "estimate high": empty if estimate.high is None else estimate.high,
        }
    )
    return table.assign(**dict.fromkeys(SIGNALS, np.nan)) if signals is None else table.join(signals[list(SIGNALS)])


def fit_stacked(table: pd.DataFrame, dice: np.ndarray, sets: np.ndarray) -> Boosting:
    """Boosting on every column of a `stacked_table` that has values; to be given the calibration split only."""
    columns = [name for name in table if np.isfinite(table[name].to_numpy(float)).any()]
    model = Boosting(columns, STACKED, rounds=120)
    model.fit(table, dice, set_weights(sets))
    return model


def baseline_predictions(baselines: Sequence[Baseline], features: pd.DataFrame) -> Mapping[str, Predictions]:
    return {b.name: Predictions(b.predict(features)) for b in baselines}


def without_empty(methods: Mapping[str, Predictions], features: pd.DataFrame) -> dict[str, Predictions]:
    """Without a box an empty mask is nobody's to judge: unscored, so that no method gets a point for calling it bad."""
    empty = features["log box area"].to_numpy() == 0
    return {name: replace(p, dice=np.where(empty, np.nan, p.dice)) for name, p in methods.items()}
