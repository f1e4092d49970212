"""What runs on a worker: one model for all batches of the same run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from .. import models
from ..pipeline.slice_pipeline import SlicePipeline
from ..scoring.pair_rows import NumberedRow, PairOptions, PairRows, ScoredRow, TablePlace


@dataclass(frozen=True)
class WorkPlan:
    """What a worker needs to make its own scorer: names and options, never a network."""

    estimator: str
    device: str
    backend: str
    options: PairOptions


@lru_cache(maxsize=1)
def scorer_of(plan: WorkPlan) -> PairRows:
    """Made when the first batch arrives, kept for the others. Raises EvanySegError as loading does."""
    return PairRows(SlicePipeline(models.estimators.create(plan.estimator, plan.device, plan.backend)), plan.options)


def score_batch(plan: WorkPlan, place: TablePlace, rows: list[NumberedRow]) -> list[ScoredRow]:
    """The rows of one batch, each scored or with its error."""
    done: list[ScoredRow] = []
    scorer_of(plan).run(rows, place, done.append)
    return done
