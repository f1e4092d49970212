"""What runs on a worker: plans say by name what to make, and what was made stays for all batches of the same run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from .. import models
from ..audit.case import AuditRow
from ..audit.measure import MeasureOptions, Measuring, UnmeasuredCase
from ..pipeline.slice_pipeline import SlicePipeline
from ..scoring.batches import NumberedRow
from ..scoring.known_rows import AssessedRow, KnownRows
from ..scoring.known_truth import KnownOptions
from ..scoring.pair_rows import PairOptions, PairRows, ScoredRow, TablePlace


@dataclass(frozen=True)
class WorkModel:
    """An estimator by name, or its weight file by its whole path: workers have folders of their own."""

    estimator: str
    device: str
    backend: str

    @classmethod
    def named(cls, estimator: str, device: str, backend: str) -> WorkModel:
        return cls(whole_path(estimator) or estimator, device, backend)

    def pipeline(self) -> SlicePipeline:
        """Raises EvanySegError as loading does."""
        return SlicePipeline(models.estimators.create(self.estimator, self.device, self.backend))


def whole_path(given: str | None) -> str | None:
    """The whole path of a file; a word that names none stays."""
    return str(Path(given).expanduser().resolve()) if given and Path(given).expanduser().is_file() else given


class Plan(Protocol):
    """What a worker needs to make its own scorer: names and options, never a network."""

    def make(self) -> Any: ...


@dataclass(frozen=True)
class PairPlan:
    model: WorkModel
    options: PairOptions

    def make(self) -> PairRows:
        return PairRows(self.model.pipeline(), self.options)


@dataclass(frozen=True)
class AuditPlan:
    model: WorkModel
    options: MeasureOptions

    def make(self) -> Measuring:
        return Measuring(self.model.pipeline(), self.options)


@dataclass(frozen=True)
class AssessPlan:
    models: tuple[WorkModel, ...]
    options: KnownOptions

    def make(self) -> KnownRows:
        return KnownRows([model.pipeline() for model in self.models], self.options)


@lru_cache(maxsize=1)
def made(plan: Plan) -> Any:
    """Made when the first batch arrives, kept for the others."""
    return plan.make()


def score_batch(plan: PairPlan, place: TablePlace, rows: Sequence[NumberedRow]) -> list[ScoredRow]:
    """The rows of one batch, each scored or with its error."""
    done: list[ScoredRow] = []
    made(plan).run([rows], place, done.append)
    return done


def assess_batch(plan: AssessPlan, place: TablePlace, rows: Sequence[NumberedRow]) -> list[AssessedRow]:
    """The rows of one batch, each with its cases or what is wrong with it."""
    done: list[AssessedRow] = []
    made(plan).run([rows], place, done.append)
    return done


def measure_batch(plan: AuditPlan, cases: Sequence[UnmeasuredCase]) -> list[list[AuditRow]]:
    """Rows of each case: one a label, or the one that says why it failed."""
    return [made(plan).rows_of(case) for case in cases]
