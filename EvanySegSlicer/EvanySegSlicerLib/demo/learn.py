"""The demo learns: the tissue map corrects a few slices of one structure, the others are scored before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec

import numpy as np

from evanyseg.adaptation.fit import adapt
from evanyseg.adaptation.reference import Reference
from evanyseg.overlap import dice
from evanyseg.quality.builtin import BuiltinEstimator
from evanyseg.results import QualityCase, QualityEstimate

from ..scene.table.records import MASK, ScoreRecord
from .stage import Stage

CORRECTED = 6
"""Slices that are corrected; at least as many others are needed to see what it brings."""


@dataclass(frozen=True)
class Lesson:
    """segment: whose slices; corrected: indices; before, after: the other slices' records with the built-in estimator's
    and the learned scores; true: their Dice; helps: whether what was learned has a say; remarks: of the learning."""

    segment: str
    corrected: tuple[int, ...]
    before: tuple[ScoreRecord, ...]
    after: tuple[ScoreRecord, ...]
    true: tuple[float, ...]
    helps: bool
    remarks: tuple[str, ...]

    def error(self, rows: Sequence[ScoreRecord]) -> float:
        """Mean absolute error of `before` or `after`."""
        return float(np.mean([abs(r.dice - t) for r, t in zip(rows, self.true, strict=True)]))


def can_learn(stage: Stage) -> bool:
    """Only the built-in estimator learns, and only with scikit-learn."""
    pipeline = stage.review.pipeline
    return (
        pipeline is not None and isinstance(pipeline.estimator, BuiltinEstimator) and find_spec("sklearn") is not None
    )


def learn(stage: Stage, segment_id: str, reference: np.ndarray) -> Lesson | None:
    """Correct some slices of a stack by its reference bool [K, J, I], spread over the scores, and learn from them. None
    where there are too few slices. The scene's table stays as it is."""
    rows = [
        r
        for r in stage.review.table.records()
        if r.segment_id == segment_id and r.kind == MASK and r.scored and r.box_prompt is not None
    ]
    cases = {r.index: _Slice.of(stage, r, reference) for r in rows}
    rows = [r for r in rows if cases[r.index].truth.any()]
    if len(rows) < 2 * CORRECTED:
        return None
    worst = sorted(rows, key=lambda r: r.dice)
    corrected = {r.index for r in worst[:: max(len(worst) // CORRECTED, 1)][:CORRECTED]}
    rest = [r for r in rows if r.index not in corrected]
    pipeline = stage.review.pipeline
    assert pipeline is not None
    base = pipeline.estimator
    assert isinstance(base, BuiltinEstimator)
    references = [cases[index].reference for index in sorted(corrected)]
    made = adapt(references, base, waiting=[r.dice for r in rest])
    scored = made.estimator.estimate_cases([cases[r.index].case for r in rest])
    after = tuple(_rescored(row, found) for row, found in zip(rest, scored, strict=True))
    true = tuple(cases[r.index].dice for r in rest)
    return Lesson(rest[0].segment, tuple(sorted(corrected)), tuple(rest), after, true, made.helps, made.remarks)


@dataclass(frozen=True)
class _Slice:
    """On square pixels, as models see it."""

    case: QualityCase
    truth: np.ndarray
    dice: float

    @classmethod
    def of(cls, stage: Stage, row: ScoreRecord, reference: np.ndarray) -> _Slice:
        plane = stage.review.reader.plane(row.axis, row.index)
        shown = stage.review.reader.snapshot().slice_input(plane)
        mask, truth = stage.review.store.mask(row.segment_id, plane), plane.take(reference)
        assert row.box_prompt is not None
        case = QualityCase(shown.model_image(), shown.grid.mask(mask), shown.grid.box(row.box_prompt))
        return cls(case, shown.grid.mask(truth), dice(mask, truth))

    @property
    def reference(self) -> Reference:
        return Reference(self.case.image, self.truth, self.case.box, (self.case.mask,), subject="the template")


def _rescored(row: ScoreRecord, found: QualityEstimate) -> ScoreRecord:
    return replace(row, dice=found.dice, low=found.low, high=found.high, estimator=found.estimator)
