"""Every method's answers in one mode: the estimators, baselines fitted on training candidates, and `stacked`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.protocols import Progress, QualityEstimator, no_progress

from .baselines.fitted import Baseline, Boosting, set_weights, shape_baselines
from .baselines.signals import SIGNALS
from .cases import CaseSet
from .predictions import Predictions, run_estimator

if TYPE_CHECKING:
    import pandas as pd

REFERENCE = "boosting on shape"
"""The baseline that differences are taken against."""
STACKED = "stacked"

Features = Mapping[str, "pd.DataFrame"]
"""Shape features of a list of cases, by mode."""


@dataclass(frozen=True)
class Lists:
    """The lists of an evaluation: the cases measured on, the candidates that baselines are fitted on, the calibration
    split that `stacked` is fitted on (None: there is no `stacked`), and masks that human annotators drew (None: there
    are none)."""

    cases: CaseSet
    training: CaseSet
    calibration: CaseSet | None = None
    annotators: CaseSet | None = None


@dataclass(frozen=True)
class Answers:
    """`predictions` for every case by method; what was fitted for them: `baselines`, and the `stacked_on` table of the
    calibration list."""

    predictions: dict[str, Predictions]
    baselines: list[Baseline]
    stacked_on: pd.DataFrame | None = None


def answers_in(
    mode: str,
    lists: Lists,
    features: Mapping[str, Features],
    estimators: Mapping[str, QualityEstimator],
    progress: Progress = no_progress,
) -> Answers:
    """All methods in one mode. `features`: of 'cases', 'training' and, where there is one, 'calibration'."""
    ours = next(iter(estimators))
    baselines = fit_baselines(features["training"][mode], lists.training.table)
    found = {name: estimated(estimator, lists.cases, mode, progress) for name, estimator in estimators.items()}
    found |= baseline_predictions(baselines, features["cases"][mode])
    if lists.calibration is None:
        return Answers(found, baselines)
    said = estimated(estimators[ours], lists.calibration, mode, progress)
    table = stacked_table(features["calibration"][mode], said)
    known = lists.calibration.table
    model = fit_stacked(table, known.dice.to_numpy(float), known.set.to_numpy())
    found[STACKED] = Predictions(model.predict(stacked_table(features["cases"][mode], found[ours])))
    return Answers(found, baselines, table)


def estimated(estimator: QualityEstimator, cases: CaseSet, mode: str, progress: Progress = no_progress) -> Predictions:
    """An estimator's answers for every case in one mode."""
    told = lambda done, what: progress(done, f"{mode}: {what}")
    return run_estimator(estimator, cases.quality_cases(mode), len(cases), told)


def fit_baselines(features: pd.DataFrame, table: pd.DataFrame) -> list[Baseline]:
    """Shape baselines fitted on training candidates (their features and their table), every data set weighing alike."""
    dice, weights = table.dice.to_numpy(float), set_weights(table.set.to_numpy())
    return [baseline.fit(features, dice, weights) for baseline in shape_baselines()]


def baseline_predictions(baselines: Sequence[Baseline], features: pd.DataFrame) -> dict[str, Predictions]:
    return {b.name: Predictions(b.predict(features)) for b in baselines}


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
