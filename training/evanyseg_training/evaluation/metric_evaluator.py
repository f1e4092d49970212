"""From predictions to metrics: per data set, macro means, 95 % intervals from the same resamples for every method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from evanyseg import plugins
from evanyseg.metrics import agreement, failure
from evanyseg.metrics.bootstrap import RESAMPLES, Interval, Metric, group_counts, interval, macro, samples

if TYPE_CHECKING:
    import pandas as pd

MACRO = "macro mean"
FEWEST_CASES = 10

HEADLINE: dict[str, Metric] = {
    "pearson": agreement.pearson,
    "spearman": agreement.spearman,
    "mae": agreement.mae,
    "auroc<.8": failure.at(failure.auroc, 0.8),
    "naurc": failure.n_aurc,
    "sd": agreement.sd_truth,
}
FULL: dict[str, Metric] = {
    **HEADLINE,
    "bias": agreement.bias,
    "r2": agreement.r2,
    **{f"beta {beta:g}": agreement.beta_metric(beta) for beta in agreement.BETAS},
    "ap<.8": failure.at(failure.average_precision, 0.8),
    "fpr95<.8": failure.at(failure.fpr_at_tpr, 0.8),
    "auroc<.5": failure.at(failure.auroc, 0.5),
    "ap<.5": failure.at(failure.average_precision, 0.5),
    "fpr95<.5": failure.at(failure.fpr_at_tpr, 0.5),
    "aurc": failure.aurc,
    "e-aurc": failure.e_aurc,
    "slope": agreement.slope,
    "intercept": agreement.intercept,
    "ece": agreement.regression_ece,
    "mean dice": agreement.mean_truth,
}
WITHIN = "within object"
GROUP = "evanyseg.metrics"
"""Entry points of this group are metrics that other packages add."""


@dataclass
class Measured:
    """samples[metric][set] = [1 + B]; cases[set]: how many the method scored."""

    samples: dict[str, dict[str, np.ndarray]]
    cases: dict[str, int]

    def macro(self, metric: str) -> np.ndarray:
        """[1 + B] mean over data sets."""
        values = list(self.samples[metric].values())
        return macro(np.stack(values)) if values else np.full(1 + RESAMPLES, np.nan)

    def of(self, metric: str, name: str = MACRO) -> Interval:
        if name == MACRO:
            return interval(self.macro(metric))
        return interval(self.samples[metric].get(name, np.full(2, np.nan)))

    def minus(self, other: Measured, metric: str) -> Interval:
        """Difference of macro means: the resamples are the same images."""
        return interval(self.macro(metric) - other.macro(metric))


@dataclass
class MetricEvaluator:
    """Measures predictions for one list of cases; resamples are drawn once, so that methods are compared in pairs."""

    table: pd.DataFrame
    resamples: int = RESAMPLES
    _sets: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for i, (name, of_set) in enumerate(self.table.groupby("set")):
            at = of_set.index.to_numpy()
            self._sets[str(name)] = (at, group_counts(of_set.image.to_numpy(), self.resamples, seed=1000 + i))

    def measure(self, prediction: np.ndarray, metrics: Mapping[str, Metric] | None = None) -> Measured:
        """Metrics of prediction [n] (NaN: unscored, left out and counted) on every set with enough cases."""
        metrics = {**FULL, **plugins.added(GROUP)} if metrics is None else metrics
        truth, objects = self.table.dice.to_numpy(float), self.table.object.to_numpy()
        out: dict[str, dict[str, np.ndarray]] = {name: {} for name in [*metrics, WITHIN]}
        cases: dict[str, int] = {}
        for name, (at, counts) in self._sets.items():
            scored = np.isfinite(prediction[at])
            at, counts = at[scored], counts[:, scored]
            cases[name] = len(at)
            if len(at) < FEWEST_CASES:
                continue
            within = partial(agreement.within_group, groups=objects[at])
            functions: dict[str, Metric] = {**metrics, WITHIN: within}
            for metric, function in functions.items():
                out[metric][name] = samples(function, truth[at], prediction[at], counts)
        return Measured(out, cases)


def long_table(
    measured: Mapping[tuple[str, str, str], Measured], evaluators: Mapping[str, MetricEvaluator]
) -> pd.DataFrame:
    """One row per metric: list, mode, method, set, cases, images, metric, value, low, high.

    Keys of `measured`: (list, mode, method)."""
    import pandas as pd

    rows = []
    for (which, mode, method), result in measured.items():
        images = evaluators[which].table.groupby("set").image.nunique()
        for metric, of_sets in result.samples.items():
            for name in [*of_sets, MACRO]:
                cases = sum(result.cases[s] for s in of_sets) if name == MACRO else result.cases[name]
                count = int(images[list(of_sets)].sum()) if name == MACRO else int(images[name])
                found = result.of(metric, name)
                rows.append((which, mode, method, name, cases, count, metric, found.value, found.low, found.high))
    columns = ["list", "mode", "method", "set", "cases", "images", "metric", "value", "low", "high"]
    return pd.DataFrame(rows, columns=columns)
