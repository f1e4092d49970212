"""One run: every method on the same masks, in both modes, into one folder of tables that reports are made from.

predictions.parquet (one row per mode, method, pair), figures.csv, parts.csv, coverage.csv, audit.csv, maps.csv,
controls.csv, distances.csv, people.csv, pool.csv, selection.csv, run.json. Nothing here draws or writes prose: see
`report`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evanyseg.protocols import Progress, QualityEstimator, Segmenter, no_progress
from evanyseg.results import Caveat

from ..data.store import Store
from . import annotators as apart
from . import probes
from . import subgroups as axes
from .baselines.fitted import Baseline
from .baselines.signals import SIGNALS, signal_baselines
from .cases import MODES, CaseSet, cached_features
from .comparison.model import Rival
from .metric_evaluator import FULL, HEADLINE, RESAMPLES, Measured, Ruler, long_table
from .pool import PoolOptions, kept_pool
from .pool_tables import write_selection
from .predictions import (
    CONTROLS,
    STACKED,
    Predictions,
    baseline_predictions,
    controlled,
    fit_baselines,
    fit_stacked,
    run_estimator,
    stacked_table,
    without_empty,
)

if TYPE_CHECKING:
    import pandas as pd

BAR = "boosting on shape"
"""The baseline that differences are taken against."""
LISTS = ("wide", "real", "natural")


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


@dataclass
class Evaluation:
    """What a run needs. estimators: by the name they get in tables, the first one is 'ours'. `calibration`: the frozen
    list of the calibration split, for the stacked method. `people`: masks that people drew, if there are any. `single`:
    the best single segmenter by training sources (found here when None: then this run has to be on training sources).
    """

    store: Store
    cases: CaseSet
    training: CaseSet
    estimators: Mapping[str, QualityEstimator]
    out: Path
    calibration: CaseSet | None = None
    people: CaseSet | None = None
    segmenter: Callable[[], Segmenter] | None = None
    rivals: Sequence[Rival] = ()
    single: Callable[[], str] | None = None
    options: EvaluateOptions = field(default_factory=EvaluateOptions)
    progress: Progress = no_progress
    cache: Path | None = None
    _features: dict[str, dict[str, pd.DataFrame]] = field(default_factory=dict)
    _baselines: dict[str, list[Baseline]] = field(default_factory=dict)
    _calibrated: dict[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def ours(self) -> str:
        return next(iter(self.estimators))

    def run(self) -> dict[str, Any]:
        """Everything; the summary that was also written to run.json."""
        began = time.monotonic()
        self.out.mkdir(parents=True, exist_ok=True)
        if self.options.limit:
            self.cases = self._sample(self.cases, self.options.limit)
        parts = {"cases": self.cases, "training": self.training}
        if self.calibration is not None:
            self.calibration = self._sample(self.calibration, self.options.calibration_masks)
            parts["calibration"] = self.calibration
        self._features = {name: cached_features(cases, self.cache) for name, cases in parts.items()}
        predictions = {mode: self.predict(mode) for mode in MODES}
        predictions["own"] = without_empty(predictions["own"], self._features["cases"]["own"])
        self._write_predictions(predictions)
        measured, rulers = self.measure(predictions)
        long_table(measured, rulers).to_csv(self.out / "figures.csv", index=False, float_format="%.5f")
        self._write_parts(predictions)
        self._write_coverage(predictions)
        axes.audit_table(self.cases.table, predictions["box"]).to_csv(self.out / "audit.csv", index=False)
        self._write_apart(predictions)
        self._write_controls(predictions["box"])
        self._write_maps()
        summary: dict[str, Any] = {
            "cases": len(self.cases),
            "training cases": len(self.training),
            "sets": int(self.cases.table.set.nunique()),
            "uses": sorted(self.store.manifest.use[self.cases.masks.table.row[self.cases.table["at"]]].unique()),
            "ours": self.ours,
            "differences": self._differences(measured),
            "turning": self._turning(),
            "speed ms": probes.speed(self.estimators[self.ours], next(iter(self.cases.quality_cases("box")))),
            "single": self._write_selection() if self.segmenter is not None else None,
        }
        summary["minutes"] = round((time.monotonic() - began) / 60, 1)
        (self.out / "run.json").write_text(json.dumps(summary, indent=1), encoding="utf-8")
        return summary

    def predict(self, mode: str) -> dict[str, Predictions]:
        """Every method's answer for every case in one mode."""
        features = self._features["cases"][mode]
        self._baselines[mode] = fit_baselines(self._features["training"][mode], self.training.table)
        found = {name: self._estimate(estimator, self.cases, mode) for name, estimator in self.estimators.items()}
        found |= baseline_predictions(self._baselines[mode], features)
        if self.calibration is not None:
            model = self._fit_stacked(mode)
            found[STACKED] = Predictions(model.predict(stacked_table(features, found[self.ours])))
        return found

    def _fit_stacked(self, mode: str) -> Baseline:
        """On the calibration list; what it was fitted on is kept for the pool's own."""
        assert self.calibration is not None
        ours = self._estimate(self.estimators[self.ours], self.calibration, mode)
        self._calibrated[mode] = stacked_table(self._features["calibration"][mode], ours)
        kept = self.calibration.table
        return fit_stacked(self._calibrated[mode], kept.dice.to_numpy(float), kept.set.to_numpy())

    def measure(
        self, predictions: Mapping[str, Mapping[str, Predictions]]
    ) -> tuple[dict[tuple[str, str, str], Measured], dict[str, Ruler]]:
        """(list, mode, method) -> figures: all metrics for the main methods on the wide list, else the headline."""
        measured, rulers = {}, {}
        for which in LISTS:
            at = np.flatnonzero(self.list_of(which))
            if not len(at):
                continue
            rulers[which] = Ruler(self.cases.table.iloc[at].reset_index(drop=True), self.options.resamples)
            for mode, methods in predictions.items():
                for name, prediction in methods.items():
                    self.progress(0, f"figures: {which}, {mode}, {name}")
                    metrics = FULL if which == "wide" and name in self._main_methods(methods) else HEADLINE
                    measured[which, mode, name] = rulers[which].measure(prediction.dice[at], metrics)
        return measured, rulers

    def list_of(self, which: str) -> np.ndarray:
        """bool [n]: 'wide', 'real' (its real models' masks) or 'natural'."""
        table = self.cases.table
        if which == "natural":
            return (table.natural == 1).to_numpy()
        wide = (table.wide == 1).to_numpy()
        return wide & table.maker.isin(["rival", "stored"]).to_numpy() if which == "real" else wide

    def _estimate(self, estimator: QualityEstimator, cases: CaseSet, mode: str) -> Predictions:
        return run_estimator(
            estimator, cases.quality_cases(mode), len(cases), lambda f, what: self.progress(f, f"{mode}: {what}")
        )

    def _sample(self, cases: CaseSet, per_set: int) -> CaseSet:
        order = np.random.default_rng(self.options.seed).permutation(len(cases))
        ranked = cases.table.assign(order=order).sort_values("order")
        keep = ranked.index[ranked.groupby("set").cumcount() < per_set]
        return cases.where(np.isin(np.arange(len(cases)), keep))

    def _write_predictions(self, predictions: Mapping[str, Mapping[str, Predictions]]) -> None:
        import pandas as pd

        none = np.full(len(self.cases), np.nan)
        frames = [
            pd.DataFrame(
                {
                    "mode": mode, "method": name, "pair": self.cases.table.pair, "set": self.cases.table.set,
                    "maker": self.cases.table.maker, "wide": self.cases.table.wide, "natural": self.cases.table.natural,
                    "truth": self.cases.table.dice, "dice": p.dice, "low": none if p.low is None else p.low,
                    "high": none if p.high is None else p.high,
                }
            )
            for mode, methods in predictions.items()
            for name, p in methods.items()
        ]  # fmt: skip
        pd.concat(frames, ignore_index=True).to_parquet(self.out / "predictions.parquet")

    def _main_methods(self, methods: Mapping[str, Predictions]) -> dict[str, Predictions]:
        return {name: methods[name] for name in (*self.estimators, BAR, STACKED) if name in methods}

    def _write_parts(self, predictions: Mapping[str, Mapping[str, Predictions]]) -> None:
        wide = np.flatnonzero(self.list_of("wide"))
        table = self.cases.table.iloc[wide].reset_index(drop=True)
        cuts = {"size": axes.size_parts(table), "maker": axes.segmenter_parts(table)}
        frames = []
        for mode, methods in predictions.items():
            cut_methods = {n: Predictions(p.dice[wide]) for n, p in self._main_methods(methods).items()}
            for cut, parts in cuts.items():
                found = axes.part_figures(table, parts, cut_methods, self.options.resamples)
                rulers = {part: Ruler(table[parts == part].reset_index(drop=True), 1) for part, _ in found}
                keyed = {(part, mode, name): result for (part, name), result in found.items()}
                frames.append(long_table(keyed, rulers).assign(cut=cut))
        import pandas as pd

        pd.concat(frames).to_csv(self.out / "parts.csv", index=False, float_format="%.5f")

    def _write_coverage(self, predictions: Mapping[str, Mapping[str, Predictions]]) -> None:
        import pandas as pd

        frames = [
            axes.coverage_table(self.cases.table, methods, Caveat.UNLIKE_TRAINING).assign(mode=mode)
            for mode, methods in predictions.items()
        ]
        pd.concat(frames).to_csv(self.out / "coverage.csv", index=False, float_format="%.5f")

    def _write_apart(self, predictions: Mapping[str, Mapping[str, Predictions]]) -> None:
        import pandas as pd

        distances = [apart.distance_table(self.cases, predictions[mode][self.ours], mode) for mode in MODES]
        pd.concat(distances).to_csv(self.out / "distances.csv", index=False, float_format="%.5f")
        if self.people is None:
            return
        features = cached_features(self.people, self.cache)
        found = {
            mode: {self.ours: self._estimate(self.estimators[self.ours], self.people, mode)}
            | {BAR: baseline_predictions(self._baselines[mode], features[mode])[BAR]}
            for mode in MODES
        }
        apart.people_table(self.people, found).to_csv(self.out / "people.csv", index=False, float_format="%.5f")

    def _write_controls(self, whole: Mapping[str, Predictions]) -> None:
        wide = self.cases.where(self.list_of("wide"))
        sample = self._sample(wide, self.options.control_cases)
        ruler = Ruler(sample.table, self.options.resamples)
        position = {pair: i for i, pair in enumerate(self.cases.table.pair)}
        at = np.array([position[pair] for pair in sample.table.pair])
        measured = {("controls", "box", "all inputs"): ruler.measure(whole[self.ours].dice[at], HEADLINE)}
        for control in CONTROLS:
            cases = controlled(sample, control, self.options.seed)
            found = run_estimator(self.estimators[self.ours], cases, len(sample), self.progress)
            measured["controls", "box", control] = ruler.measure(found.dice, HEADLINE)
        long_table(measured, {"controls": ruler}).to_csv(self.out / "controls.csv", index=False, float_format="%.5f")

    def _write_maps(self) -> None:
        import pandas as pd

        sample = self._sample(self.cases.where(self.list_of("wide")), self.options.map_cases)
        frames = [
            probes.map_table(self.estimators[self.ours], sample, mode, self.progress).assign(mode=mode)
            for mode in MODES
        ]
        pd.concat(frames).to_csv(self.out / "maps.csv", index=False, float_format="%.5f")

    def _turning(self) -> dict[str, dict[str, float]]:
        sample = self._sample(self.cases.where(self.list_of("wide")), self.options.turn_cases)
        return {mode: probes.turning_change(self.estimators[self.ours], sample, mode) for mode in MODES}

    def _differences(self, measured: Mapping[tuple[str, str, str], Measured]) -> dict[str, dict[str, list[float]]]:
        """Macro Pearson of ours minus that of every other method, with the paired interval; keys 'list, mode'."""
        out: dict[str, dict[str, list[float]]] = {}
        for (which, mode, name), result in measured.items():
            if name != self.ours:
                gap = measured[which, mode, self.ours].minus(result, "pearson")
                out.setdefault(f"{which}, {mode}", {})[name] = [gap.value, gap.low, gap.high]
        return out

    def _pool(self, segmenter: Segmenter, cases: CaseSet, name: str, options: PoolOptions) -> CaseSet:
        cache = self.cache or self.out / name
        return kept_pool(cases, segmenter, self.rivals, cache, options, self.progress)

    def _write_selection(self) -> str:
        """pool.csv, selection.csv and singles.csv; the name of the single segmenter that was compared with."""
        assert self.segmenter is not None
        segmenter = self.segmenter()
        pool = self._pool(segmenter, self.cases, "pool", self.options.pool)
        features = pool.features()["box"]
        methods: dict[str, Predictions] = {
            name: self._estimate(estimator, pool, "box") for name, estimator in self.estimators.items()
        }
        everything = features.join(pool.table[list(SIGNALS)])
        methods |= baseline_predictions([*self._baselines["box"], *signal_baselines()], everything)
        if self.calibration is not None:
            model = self._stacked_with_signals(segmenter, self.calibration)
            methods[STACKED] = Predictions(model.predict(stacked_table(features, methods[self.ours], pool.table)))
        single = self.single() if self.single is not None else None
        return write_selection(pool, methods, single, self.out, self.options.resamples)

    def _stacked_with_signals(self, segmenter: Segmenter, calibration: CaseSet) -> Baseline:
        """Fitted on the calibration list and on the segmenter's masks of its objects, which have signals."""
        import pandas as pd

        few = replace(self.options.pool, objects=min(self.options.pool.objects, 4))
        pool = self._pool(segmenter, calibration, "calibration_pool", few)
        ours = self._estimate(self.estimators[self.ours], pool, "box")
        tables = [self._calibrated["box"], stacked_table(pool.features()["box"], ours, pool.table)]
        lines = pd.concat([calibration.table[["dice", "set"]], pool.table[["dice", "set"]]])
        return fit_stacked(pd.concat(tables, ignore_index=True), lines.dice.to_numpy(float), lines.set.to_numpy())
