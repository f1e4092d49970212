"""One run: every method on the same masks, in both modes, into one folder of tables that reports are made from.

predictions.parquet (one row per mode, method, pair), metrics.csv, subgroups.csv, coverage.csv, audit.csv, maps.csv,
controls.csv, distances.csv, annotators.csv, pool.csv, selection.csv, run.json. Nothing here draws or writes prose: see
`report`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from evanyseg.io.write import write_text
from evanyseg.protocols import Progress, QualityEstimator, no_progress
from evanyseg.quality.modes import MODES, NO_PROMPT

from ..files import write_table
from . import probes, subgroups, tables
from .answers import Answers, Lists, answers_in
from .cases import cached_features
from .metric_evaluator import RESAMPLES, long_table
from .pool.build import PoolOptions
from .pool.selecting import Selection, SelectionRun
from .pool.tables import write_selection
from .predictions import without_empty


@dataclass(frozen=True)
class EvaluateOptions:
    """How many of a data set: candidates that baselines are fitted on, masks that the stacked method is fitted on,
    cases for the controls, the error maps, the flips. `limit`: only that many pairs of a set (for trials)."""

    training_masks: int = 300
    calibration_masks: int = 24
    control_cases: int = 30
    map_cases: int = 14
    turn_cases: int = 2
    pool: PoolOptions = field(default_factory=PoolOptions)
    resamples: int = RESAMPLES
    limit: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Evaluation:
    """What is evaluated: the lists of masks, the estimators (by the name they get in tables; the first is 'ours'), and
    the selection among segmenters, if there is one."""

    lists: Lists
    estimators: Mapping[str, QualityEstimator]
    selection: Selection | None = None

    @property
    def ours(self) -> str:
        return next(iter(self.estimators))

    def sampled(self, options: EvaluateOptions) -> Evaluation:
        """With the lists cut to what the options say."""
        lists = self.lists
        if options.limit:
            lists = replace(lists, cases=tables.sampled(lists.cases, options.limit, options.seed))
        if lists.calibration is not None:
            few = tables.sampled(lists.calibration, options.calibration_masks, options.seed)
            lists = replace(lists, calibration=few)
        return replace(self, lists=lists)


def evaluate(
    evaluation: Evaluation,
    out: Path,
    options: EvaluateOptions | None = None,
    cache: Path | None = None,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Everything, into the folder `out`; the summary that was also written to run.json. `cache`: a folder that keeps
    shape features and pools between runs."""
    began = time.monotonic()
    options = options or EvaluateOptions()
    run = evaluation.sampled(options)
    lists, cases, ours = run.lists, run.lists.cases, run.ours
    listed = {"cases": cases, "training": lists.training, "calibration": lists.calibration}
    features = {name: cached_features(of, cache) for name, of in listed.items() if of is not None}
    answers = {mode: answers_in(mode, lists, features, run.estimators, progress) for mode in MODES}
    predictions = {mode: found.predictions for mode, found in answers.items()}
    predictions[NO_PROMPT] = without_empty(predictions[NO_PROMPT], features["cases"][NO_PROMPT])

    write_table(out / "predictions.parquet", tables.predictions_table(cases, predictions))
    names = list(run.estimators)
    measured, evaluators = tables.measured_lists(cases, predictions, names, options.resamples, progress)
    write_table(out / "metrics.csv", long_table(measured, evaluators))
    write_table(out / "subgroups.csv", tables.subgroups_table(cases, predictions, names, options.resamples))
    write_table(out / "coverage.csv", tables.coverage_table(cases, predictions))
    write_table(out / "audit.csv", subgroups.audit_table(cases.table, predictions["box"]))
    write_table(out / "distances.csv", tables.distances_table(cases, predictions, ours))
    estimator = run.estimators[ours]
    if lists.annotators is not None:
        by_hand = tables.annotators_table(lists.annotators, (ours, estimator), answers, cache, progress)
        write_table(out / "annotators.csv", by_hand)
    whole = predictions["box"][ours]
    controls = tables.controls_table(
        cases, estimator, whole, options.control_cases, options.resamples, options.seed, progress
    )
    write_table(out / "controls.csv", controls)
    write_table(out / "maps.csv", tables.maps_table(cases, estimator, options.map_cases, options.seed, progress))
    uses = cases.store.manifest.use[cases.masks.table.row[cases.table["at"]]].unique()
    summary: dict[str, Any] = {
        "cases": len(cases),
        "training cases": len(lists.training),
        "sets": int(cases.table.set.nunique()),
        "uses": sorted(uses),
        "ours": ours,
        "differences": tables.differences(measured, ours),
        "turning": tables.turning(cases, estimator, options.turn_cases, options.seed),
        "speed ms": probes.speed(estimator, next(iter(cases.quality_cases("box")))),
        "single": _select(run, answers["box"], out, options, cache, progress),
    }
    summary["minutes"] = round((time.monotonic() - began) / 60, 1)
    write_text(out / "run.json", json.dumps(summary, indent=1))
    return summary


def _select(
    run: Evaluation, answers: Answers, out: Path, options: EvaluateOptions, cache: Path | None, progress: Progress
) -> str | None:
    """Tables of the selection; the name of the single segmenter that was compared with."""
    if run.selection is None:
        return None
    selecting = SelectionRun(run.selection, run.estimators, options.pool, cache or out / "pools", progress)
    pool, methods = selecting.answered(run.lists.cases, answers, run.lists.calibration)
    return write_selection(pool, methods, run.selection.single, out, options.resamples)
