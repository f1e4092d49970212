"""Scores rows of a table whose truth is known, by one or several estimators: cases without their pixels remain."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import methodcaller
from pathlib import Path
from typing import Protocol

from ..errors import EvanySegError, ImageError
from ..io.tables import Table
from ..io.targets import is_special
from ..pipeline.slice_pipeline import SlicePipeline
from ..protocols import Progress, ShouldCancel, never_cancel, no_progress, raise_if_cancelled
from ..results import QualityEstimate
from .batches import NumberedRow, batches, unfinished_batches
from .known_truth import KnownCase, KnownCases, KnownOptions
from .pair_rows import TablePlace, nothing_read
from .unfinished import UnfinishedRows, partial_path

COLUMNS = ("row", "given", "image", "problem", "remarks", "truth", "cases")
"""Of the table of rows that are done: `given` tells the row of the user's table from any other."""
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
    """number: in the table, from 1; problem: why it could not be used, else ''; without_truth: it names none; remarks:
    sentences about its files."""

    number: int
    image: str
    cases: tuple[AssessedCase, ...] = ()
    problem: str = ""
    without_truth: bool = False
    remarks: str = ""

    def cells(self) -> dict[str, object]:
        """As text that gives the same row again: numbers to their last bit, without what only pictures need."""
        of = lambda e: [e.dice, e.low, e.high, e.level, e.estimator, e.caveats]
        cases = [[c.index, c.subject, c.dice, list(map(of, c.estimates))] for c in self.cases]
        text = json.dumps(cases, default=methodcaller("item"))  # numpy's scalars
        truth = "" if self.without_truth else "known"
        said = {"problem": self.problem, "remarks": self.remarks}
        return {"row": self.number, "image": self.image, **said, "truth": truth, "cases": text}

    @classmethod
    def of_cells(cls, cells: Mapping[str, object]) -> AssessedRow:
        cases = tuple(
            AssessedCase(index, subject, dice, tuple(_estimate(*said) for said in estimates))
            for index, subject, dice, estimates in json.loads(str(cells["cases"]))
        )
        number, image, problem = int(str(cells["row"])), str(cells["image"]), str(cells["problem"])
        return cls(number, image, cases, problem, not cells["truth"], str(cells["remarks"]))


def _estimate(
    dice: float, low: float, high: float, level: float, estimator: str, caveats: list[str]
) -> QualityEstimate:
    return QualityEstimate(dice, low, high, level, estimator, caveats=tuple(caveats))


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
            list(pipeline.score(((c.slice_, c.mask, c.box, c.label) for c in together), should_cancel=should_cancel))
            for pipeline in self.pipelines
        ]
        estimates = iter(zip(*said, strict=True))
        for row, cases in rows:
            done = tuple(AssessedCase(c.index, c.subject, c.dice, _doubted(c, next(estimates))) for c in cases)
            emit(replace(row, cases=done, remarks=" ".join(cases[0].remarks) if cases else ""))


def _doubted(case: KnownCase, estimates: Sequence[QualityEstimate]) -> tuple[QualityEstimate, ...]:
    """With the caveats of the case's files."""
    return tuple(replace(e, caveats=tuple(dict.fromkeys((*e.caveats, *case.caveats)))) for e in estimates)


def log_of_assessment(outputs: Sequence[Path | None], run: str, resume: bool) -> UnfinishedRows:
    """Where the rows are that are done, while others are not: beside the first of the files that are asked for; kept
    nowhere when there is none. Those that failed are tried again. Raises OutputError; see `UnfinishedRows`."""
    partial = next((partial_path(path) for path in outputs if path is not None and not is_special(path)), None)
    return UnfinishedRows(partial, COLUMNS, run, resume, lambda row: bool(row.get("problem")))


def assessed_rows(
    scorer: KnownRowScorer,
    table: Table,
    log: UnfinishedRows,
    progress: Progress = no_progress,
    should_cancel: ShouldCancel = never_cancel,
) -> list[AssessedRow]:
    """All rows in the order of the table, those from `log` (which is open) among them; each is there as soon as it is
    done. Raises ImageError when the table is not the one that the log's rows are of, OutputError, CancelledError."""
    done = _earlier(table, log)
    last = max(done, default=0)
    missing = {number for number in range(1, last + 1) if number not in done}
    given: dict[int, str] = {}

    def coming() -> Iterable[NumberedRow]:
        for number, row in enumerate(table.rows(), start=1):
            given[number] = _digest(row)
            yield number, row

    def emit(row: AssessedRow) -> None:
        cells = row.cells()
        log.write({**cells, "given": given.pop(row.number)})
        done[row.number] = AssessedRow.of_cells(cells)
        read(row.number, row.image)

    read = lambda number, image: progress(len(done) / max(table.count, 1), image)
    left = unfinished_batches(batches(coming()), last, missing)
    scorer.run(left, TablePlace(table.path.parent, table.layout.separator), emit, read, should_cancel)
    return [done[number] for number in sorted(done)]


def _earlier(table: Table, log: UnfinishedRows) -> dict[int, AssessedRow]:
    """What an earlier run has left, by number. Raises ImageError when the table changed."""
    found: dict[int, AssessedRow] = {}
    said: dict[int, str] = {}
    for cells in log.finished():
        done = AssessedRow.of_cells(cells)
        found[done.number], said[done.number] = done, cells["given"]
    for number, row in enumerate(table.rows(), start=1) if said else ():
        if said.pop(number, None) not in (None, _digest(row)):
            break
    else:
        if not said:
            return found
        number = min(said)
    raise ImageError(
        f"Row {number} of {table.path.name} is not the one that was assessed before the run was stopped; "
        f"delete {log.partial} to start again."
    )


def _digest(row: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(list(row.items())).encode()).hexdigest()[:16]
