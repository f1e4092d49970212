"""One run of the selection among several segmenters' masks: who answers, and on what `stacked` is fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evanyseg.protocols import Progress, QualityEstimator, Segmenter, no_progress

from ..answers import STACKED, Answers, baseline_predictions, estimated, fit_stacked, stacked_table
from ..baselines.fitted import Baseline
from ..baselines.signals import SIGNALS, signal_baselines
from ..cases import CaseSet
from ..comparison.model import ComparisonSegmenter
from ..predictions import Predictions
from .build import PoolOptions, kept_pool

CALIBRATION_OBJECTS = 4
"""Most prompts of a data set in the pool that `stacked` is fitted on."""


@dataclass(frozen=True)
class Selection:
    """Whose masks are chosen from. `single`: the best single segmenter by training sources; None: it is found in this
    very pool, which must then be on training sources."""

    segmenter: Segmenter
    comparison: Sequence[ComparisonSegmenter] = ()
    single: str | None = None


@dataclass(frozen=True)
class SelectionRun:
    """`folder`: where the pools are kept."""

    selection: Selection
    estimators: Mapping[str, QualityEstimator]
    options: PoolOptions
    folder: Path
    progress: Progress = no_progress

    def answered(
        self, cases: CaseSet, answers: Answers, calibration: CaseSet | None
    ) -> tuple[CaseSet, dict[str, Predictions]]:
        """The pool of the cases' prompts, and every method's answers for its masks."""
        pool = self._pool(cases, self.options)
        features = pool.features()["box"]
        methods = {name: estimated(one, pool, "box", self.progress) for name, one in self.estimators.items()}
        everything = features.join(pool.table[list(SIGNALS)])
        methods |= baseline_predictions([*answers.baselines, *signal_baselines()], everything)
        if calibration is not None:
            model = self._stacked(calibration, answers)
            methods[STACKED] = Predictions(model.predict(stacked_table(features, methods[self._ours], pool.table)))
        return pool, methods

    @property
    def _ours(self) -> str:
        return next(iter(self.estimators))

    def _pool(self, cases: CaseSet, options: PoolOptions) -> CaseSet:
        return kept_pool(
            cases, self.selection.segmenter, self.selection.comparison, self.folder, options, self.progress
        )

    def _stacked(self, calibration: CaseSet, answers: Answers) -> Baseline:
        """Fitted on the calibration list and on the segmenter's masks of its objects, which have signals."""
        import pandas as pd

        few = replace(self.options, objects=min(self.options.objects, CALIBRATION_OBJECTS))
        pool = self._pool(calibration, few)
        said = estimated(self.estimators[self._ours], pool, "box", self.progress)
        tables = [answers.stacked_on, stacked_table(pool.features()["box"], said, pool.table)]
        lines = pd.concat([calibration.table[["dice", "set"]], pool.table[["dice", "set"]]])
        return fit_stacked(pd.concat(tables, ignore_index=True), lines.dice.to_numpy(float), lines.set.to_numpy())
