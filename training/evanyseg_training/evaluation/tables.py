"""The tables of an evaluation, from the answers of its methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.protocols import Progress, QualityEstimator, no_progress
from evanyseg.quality.modes import MODES
from evanyseg.results import Caveat

from ..candidates.mask_sources import MODEL_GENERATED
from . import probes, subgroups
from .annotators import annotator_table, distance_table
from .answers import REFERENCE, STACKED, Answers, baseline_predictions, estimated
from .cases import CaseSet, cached_features
from .controls import CONTROLS, controlled
from .metric_evaluator import HEADLINE, Measured, MetricEvaluator, long_table
from .predictions import Predictions, run_estimator

if TYPE_CHECKING:
    import pandas as pd

LISTS = ("balanced", "model-generated", "unfiltered")
ByMode = Mapping[str, Mapping[str, Predictions]]
"""mode -> method -> answers for every case."""


def in_list(table: pd.DataFrame, which: str) -> np.ndarray:
    """bool [n]: the cases of 'balanced', 'model-generated' (a part of it) or 'unfiltered'."""
    if which == "unfiltered":
        return (table.unfiltered == 1).to_numpy()
    balanced = (table.balanced == 1).to_numpy()
    return balanced & table.mask_source.isin(MODEL_GENERATED).to_numpy() if which == "model-generated" else balanced


def sampled(cases: CaseSet, per_set: int, seed: int) -> CaseSet:
    """At most so many cases of each data set, in their order."""
    order = np.random.default_rng(seed).permutation(len(cases))
    ranked = cases.table.assign(order=order).sort_values("order")
    keep = ranked.index[ranked.groupby("set").cumcount() < per_set]
    return cases.where(np.isin(np.arange(len(cases)), keep))


def main_methods(names: Sequence[str], estimators: Sequence[str]) -> list[str]:
    """The methods that are measured in full: the estimators, the reference baseline and `stacked`."""
    return [name for name in (*estimators, REFERENCE, STACKED) if name in names]


def predictions_table(cases: CaseSet, predictions: ByMode) -> pd.DataFrame:
    """One row per mode, method and pair."""
    import pandas as pd

    none, table = np.full(len(cases), np.nan), cases.table
    frames = [
        pd.DataFrame(
            {
                "mode": mode, "method": name, "pair": table.pair, "set": table.set, "mask_source": table.mask_source,
                "balanced": table.balanced, "unfiltered": table.unfiltered, "truth": table.dice, "dice": p.dice,
                "low": none if p.low is None else p.low, "high": none if p.high is None else p.high,
            }
        )
        for mode, methods in predictions.items()
        for name, p in methods.items()
    ]  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def measured_lists(
    cases: CaseSet,
    predictions: ByMode,
    estimators: Sequence[str],
    resamples: int,
    progress: Progress = no_progress,
) -> tuple[dict[tuple[str, str, str], Measured], dict[str, MetricEvaluator]]:
    """(list, mode, method) -> metrics, and the evaluator of each list: all of them (those that other packages add too)
    for the main methods on the balanced list, else the headline."""
    measured, evaluators = {}, {}
    for which in LISTS:
        at = np.flatnonzero(in_list(cases.table, which))
        if not len(at):
            continue
        evaluators[which] = MetricEvaluator(cases.table.iloc[at].reset_index(drop=True), resamples)
        for mode, methods in predictions.items():
            main = main_methods(list(methods), estimators)
            for name, prediction in methods.items():
                progress(0, f"metrics: {which}, {mode}, {name}")
                metrics = None if which == "balanced" and name in main else HEADLINE
                measured[which, mode, name] = evaluators[which].measure(prediction.dice[at], metrics)
    return measured, evaluators


def differences(measured: Mapping[tuple[str, str, str], Measured], ours: str) -> dict[str, dict[str, list[float]]]:
    """Macro Pearson of ours minus that of every other method, with the paired interval; keys 'list, mode'."""
    out: dict[str, dict[str, list[float]]] = {}
    for (which, mode, name), result in measured.items():
        if name != ours:
            gap = measured[which, mode, ours].minus(result, "pearson")
            out.setdefault(f"{which}, {mode}", {})[name] = [gap.value, gap.low, gap.high]
    return out


def subgroups_table(cases: CaseSet, predictions: ByMode, estimators: Sequence[str], resamples: int) -> pd.DataFrame:
    """Headline metrics of the main methods on the balanced list, by size and shape of the object and by
    source of the mask."""
    import pandas as pd

    balanced = np.flatnonzero(in_list(cases.table, "balanced"))
    table = cases.table.iloc[balanced].reset_index(drop=True)
    fill = subgroups.by_fill(cases)[balanced]
    groupings = {"size": subgroups.by_size(table), "fill": fill, "mask_source": subgroups.by_mask_source(table)}
    frames = []
    for mode, methods in predictions.items():
        main = {n: Predictions(methods[n].dice[balanced]) for n in main_methods(list(methods), estimators)}
        for name, groups in groupings.items():
            found = subgroups.subgroup_metrics(table, groups, main, resamples)
            evaluators = {g: MetricEvaluator(table[groups == g].reset_index(drop=True), 1) for g, _ in found}
            keyed = {(group, mode, method): result for (group, method), result in found.items()}
            frames.append(long_table(keyed, evaluators).assign(subgroup=name))
    return pd.concat(frames)


def coverage_table(cases: CaseSet, predictions: ByMode) -> pd.DataFrame:
    """Coverage of the intervals of all methods that have some, in both modes."""
    import pandas as pd

    frames = [
        subgroups.coverage_table(cases.table, methods, Caveat.UNLIKE_TRAINING).assign(mode=mode)
        for mode, methods in predictions.items()
    ]
    return pd.concat(frames)


def distances_table(cases: CaseSet, predictions: ByMode, ours: str) -> pd.DataFrame:
    """Predicted HD95 of ours against the true one, in both modes."""
    import pandas as pd

    return pd.concat([distance_table(cases, predictions[mode][ours], mode) for mode in MODES])


def annotators_table(
    annotators: CaseSet,
    estimator: tuple[str, QualityEstimator],
    answers: Mapping[str, Answers],
    cache: Path | None,
    progress: Progress = no_progress,
) -> pd.DataFrame:
    """How well ours and the reference baseline score masks by human annotators."""
    name, ours = estimator
    features = cached_features(annotators, cache)
    found = {
        mode: {name: estimated(ours, annotators, mode, progress)}
        | {REFERENCE: baseline_predictions(answers[mode].baselines, features[mode])[REFERENCE]}
        for mode in MODES
    }
    return annotator_table(annotators, found)


def controls_table(
    cases: CaseSet,
    estimator: QualityEstimator,
    whole: Predictions,
    per_set: int,
    resamples: int,
    seed: int,
    progress: Progress = no_progress,
) -> pd.DataFrame:
    """Headline metrics of an estimator with parts of its input taken away, beside `whole`: what it said with all."""
    sample = sampled(cases.where(in_list(cases.table, "balanced")), per_set, seed)
    evaluator = MetricEvaluator(sample.table, resamples)
    position = {pair: i for i, pair in enumerate(cases.table.pair)}
    at = np.array([position[pair] for pair in sample.table.pair])
    measured = {("controls", "box", "all inputs"): evaluator.measure(whole.dice[at], HEADLINE)}
    for control in CONTROLS:
        found = run_estimator(estimator, controlled(sample, control, seed), len(sample), progress)
        measured["controls", "box", control] = evaluator.measure(found.dice, HEADLINE)
    return long_table(measured, {"controls": evaluator})


def maps_table(
    cases: CaseSet, estimator: QualityEstimator, per_set: int, seed: int, progress: Progress = no_progress
) -> pd.DataFrame:
    """Average precision of the error maps, in both modes."""
    import pandas as pd

    sample = sampled(cases.where(in_list(cases.table, "balanced")), per_set, seed)
    return pd.concat([probes.map_table(estimator, sample, mode, progress).assign(mode=mode) for mode in MODES])


def turning(cases: CaseSet, estimator: QualityEstimator, per_set: int, seed: int) -> dict[str, dict[str, float]]:
    """How much flips and turns change the score, by mode."""
    sample = sampled(cases.where(in_list(cases.table, "balanced")), per_set, seed)
    return {mode: probes.turning_change(estimator, sample, mode) for mode in MODES}
