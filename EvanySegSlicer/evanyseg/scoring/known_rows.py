"""Scores rows of a table whose truth is known, by one or several estimators: cases without their pixels remain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ..errors import EvanySegError
from ..pipeline.slice_pipeline import SlicePipeline
from ..protocols import ShouldCancel, never_cancel, raise_if_cancelled
from ..results import QualityEstimate
from .batches import NumberedRow
from .known_truth import KnownCase, KnownCases, KnownOptions
from .pair_rows import TablePlace, nothing_read

TOGETHER = 32
"""Cases in memory at a time, at least."""


@dataclass(frozen=True)
class AssessedCase:
    """One slice: true Dice and what each estimator says."""

    index: int
    subject: str
    dice: float
    estimates: tuple[QualityEstimate, ...]


@dataclass(frozen=True)
class AssessedRow:
    """number: in the table, from 1; problem: why it could not be used, else ''; without_truth: it names none."""

    number: int
    image: str
    cases: tuple[AssessedCase, ...] = ()
    problem: str = ""
    without_truth: bool = False


class KnownRowScorer(Protocol):
    """Scores rows whose truth is known, here or elsewhere."""

    def run(
        self,
        batches: Iterable[Sequence[NumberedRow]],
        place: TablePlace,
        emit: Callable[[AssessedRow], None],
        read: Callable[[int, str], None] = ...,
        should_cancel: ShouldCancel = ...,
    ) -> None:
        """Emit every row, in order; `read` is told of rows that are begun (number, image). Raises CancelledError."""


class KnownRows:
    """A KnownRowScorer in this process."""

    def __init__(self, pipelines: Sequence[SlicePipeline], options: KnownOptions) -> None:
        self.pipelines, self.options = pipelines, options

    def run(
        self,
        batches: Iterable[Sequence[NumberedRow]],
        place: TablePlace,
        emit: Callable[[AssessedRow], None],
        read: Callable[[int, str], None] = nothing_read,
        should_cancel: ShouldCancel = never_cancel,
    ) -> None:
        """See `KnownRowScorer`."""
        known = KnownCases(place, self.options)
        for batch in batches:
            waiting: list[tuple[AssessedRow, list[KnownCase]]] = []
            for number, row in batch:
                raise_if_cancelled(should_cancel)
                read(number, row["image"])
                cases: list[KnownCase] | None = []
                problem = ""
                try:
                    cases = known.of_row(row)
                except (EvanySegError, OSError, MemoryError) as error:
                    problem = str(error) or type(error).__name__
                found = AssessedRow(number, row["image"], problem=problem, without_truth=cases is None)
                waiting.append((found, cases or []))
                if sum(len(cases) for _, cases in waiting) >= TOGETHER:
                    self._score(waiting, emit, should_cancel)
                    waiting = []
            self._score(waiting, emit, should_cancel)

    def _score(
        self,
        rows: Sequence[tuple[AssessedRow, list[KnownCase]]],
        emit: Callable[[AssessedRow], None],
        should_cancel: ShouldCancel,
    ) -> None:
        together = [case for _, cases in rows for case in cases]
        said = [
            list(pipeline.score(((c.slice_, c.mask, c.box) for c in together), should_cancel=should_cancel))
            for pipeline in self.pipelines
        ]
        estimates = iter(zip(*said, strict=True))
        for row, cases in rows:
            done = tuple(AssessedCase(c.index, c.subject, c.dice, next(estimates)) for c in cases)
            emit(replace(row, cases=done))
