"""The same predictions by subgroup: unseen segmenters and corruption, object size, intervals, worst-first lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.metrics import at_k
from evanyseg.metrics.coverage import coverage, terciles

from ..candidates.mask_sources import MODEL_GENERATED, POOL
from .cases import CaseSet
from .metric_evaluator import FEWEST_CASES, HEADLINE, Measured, MetricEvaluator
from .predictions import Predictions

if TYPE_CHECKING:
    import pandas as pd

SIZES = ("small", "middle", "large")
FILL_EDGES = (0.35, 0.65)
FILLS = ("thin or hollow (below .35)", "in between", "compact (.65 and more)")


def subgroup_metrics(
    table: pd.DataFrame, groups: np.ndarray, methods: Mapping[str, Predictions], resamples: int
) -> dict[tuple[str, str], Measured]:
    """Headline metrics of each method on each group (a label per case, '' for none): (group, method) -> Measured."""
    out = {}
    for group in sorted({g for g in groups if g}):
        at = np.flatnonzero(groups == group)
        if len(at) < FEWEST_CASES:
            continue
        evaluator = MetricEvaluator(table.iloc[at].reset_index(drop=True), resamples)
        for name, prediction in methods.items():
            out[str(group), name] = evaluator.measure(prediction.dice[at], HEADLINE)
    return out


def by_size(table: pd.DataFrame) -> np.ndarray:
    """Third of each case by the area of its true object, over the whole list."""
    return np.array(SIZES)[terciles(table.area.to_numpy(float))]


def by_fill(cases: CaseSet) -> np.ndarray:
    """By the share of its tight box that the true object of each case fills."""
    boxes = [cases.true_box(i) for i in range(len(cases))]
    fill = cases.table.area.to_numpy(float) / np.array([b.width * b.height for b in boxes])
    return np.array(FILLS)[np.digitize(fill, FILL_EDGES)]


def by_mask_source(table: pd.DataFrame) -> np.ndarray:
    """Source of the mask: one name for each model (epochs of one model together)."""
    model = table.mask_method.str.replace(r"@\d+$", "", regex=True).str.replace(r" epoch \d+$", "", regex=True)
    by_models = table.mask_source.isin([*MODEL_GENERATED, POOL])
    return np.where(by_models, model, table.mask_source).astype(str)


def coverage_table(table: pd.DataFrame, methods: Mapping[str, Predictions], caveat: str) -> pd.DataFrame:
    """Coverage (interval by resampling subjects) and mean width: per set, per third of the prediction, all together,
    and for the cases without the caveat `caveat`. Columns method, part, cases, coverage, low, high, width."""
    import pandas as pd

    rows = []
    for name, prediction in methods.items():
        if prediction.low is None or prediction.high is None:
            continue
        scored = np.isfinite(prediction.low) & np.isfinite(prediction.high)
        truth = table.dice.to_numpy(float)
        subjects = (table.source.astype(str) + "|" + table.subject.astype(str)).to_numpy()
        clear = np.array([caveat not in text for text in prediction.caveats])
        parts = {"all": scored, "without caveat": scored & clear, "with caveat": scored & ~clear}
        thirds = terciles(np.where(scored, prediction.dice, -1))
        parts |= {f"prediction {label}": scored & (thirds == k) for k, label in enumerate(("low", "middle", "high"))}
        parts |= {str(s): scored & (table.set == s).to_numpy() for s in sorted(table.set.unique())}
        for part, keep in parts.items():
            if keep.sum() < 3:
                continue
            found = coverage(truth[keep], prediction.low[keep], prediction.high[keep], subjects[keep])
            width = float((prediction.high - prediction.low)[keep].mean())
            rows.append((name, part, int(keep.sum()), found.value, found.low, found.high, width))
    return pd.DataFrame(rows, columns=["method", "part", "cases", "coverage", "low", "high", "width"])


def audit_table(table: pd.DataFrame, methods: Mapping[str, Predictions]) -> pd.DataFrame:
    """MAP@5, MAP@10, precision@5 and @10, classes = data sets. Columns method, classes, map@5, ..."""
    import pandas as pd

    truth, classes = table.dice.to_numpy(float), table.set.to_numpy()
    rows = []
    for name, prediction in methods.items():
        ok = np.isfinite(prediction.dice)
        arguments = (truth[ok], prediction.dice[ok], classes[ok])
        metrics = {
            f"{label}@{k}": at_k.mean_over_classes(metric, *arguments, k)
            for label, metric in (("map", at_k.average_precision_at_k), ("precision", at_k.precision_at_k))
            for k in (5, 10)
        }
        rows.append({"method": name, "classes": len(np.unique(classes[ok])), **metrics})
    return pd.DataFrame(rows)
