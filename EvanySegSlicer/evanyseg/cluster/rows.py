"""What commands give to Dask workers: rows of tables, and cases of an audit. The same interfaces as in one process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from ..audit.case import AuditCase, AuditRow
from ..audit.measure import UnmeasuredCase, failed_case
from ..io.remote import shown, whole
from ..protocols import ShouldCancel, never_cancel
from ..scoring.batches import NumberedRow
from ..scoring.known_rows import AssessedRow
from ..scoring.pair_rows import ScoredRow, TablePlace, nothing_read, without_added
from .ordered import LOST, OrderedWork
from .work import AssessPlan, AuditPlan, PairPlan, assess_batch, measure_batch, score_batch

CASES = 8
"""Cases that travel together at most: of pictures, whose scoring takes no longer than sending them."""
SHARES = 8
"""Batches for each worker at least, so that none waits for the last one."""


class ClusterRows:
    """A RowScorer. client: a distributed.Client. A row that fails, fails alone; see `OrderedWork` for lost workers."""

    def __init__(self, client: Any, plan: PairPlan) -> None:
        self.client, self.plan = client, plan

    def run(
        self,
        batches: Iterable[Sequence[NumberedRow]],
        place: TablePlace,
        emit: Callable[[ScoredRow], None],
        read: Callable[[int, str], None] = nothing_read,
        should_cancel: ShouldCancel = never_cancel,
    ) -> None:
        """See `RowScorer`. Raises EvanySegError when the model cannot be made on the workers, or all of them are
        gone."""
        lost = lambda row: ScoredRow.failed(row[0], without_added(row[1]), LOST)
        work = OrderedWork(self.client, score_batch, (self.plan, _place(self.client, place)), lost)
        for row in work.results(batches, _told(read), should_cancel):
            emit(row)


class ClusterKnownRows:
    """A KnownRowScorer."""

    def __init__(self, client: Any, plan: AssessPlan) -> None:
        self.client, self.plan = client, plan

    def run(
        self,
        batches: Iterable[Sequence[NumberedRow]],
        place: TablePlace,
        emit: Callable[[AssessedRow], None],
        read: Callable[[int, str], None] = nothing_read,
        should_cancel: ShouldCancel = never_cancel,
    ) -> None:
        """See `KnownRowScorer`. Raises as `ClusterRows.run` does."""
        lost = lambda row: AssessedRow(row[0], row[1].get("image", ""), problem=LOST)
        work = OrderedWork(self.client, assess_batch, (self.plan, _place(self.client, place)), lost)
        for row in work.results(batches, _told(read), should_cancel):
            emit(row)


class ClusterCases:
    """A CaseMeasurer."""

    def __init__(self, client: Any, plan: AuditPlan) -> None:
        self.client, self.plan = client, plan

    def rows(
        self,
        cases: Sequence[UnmeasuredCase],
        begun: Callable[[AuditCase], None],
        should_cancel: ShouldCancel = never_cancel,
    ) -> Iterator[list[AuditRow]]:
        """See `CaseMeasurer`. Raises as `ClusterRows.run` does."""
        lost: Callable[[UnmeasuredCase], list[AuditRow]] = lambda case: [failed_case(case.case, LOST)]
        work = OrderedWork(self.client, measure_batch, (self.plan,), lost)
        size = max(1, min(CASES, len(cases) // (SHARES * max(1, work.workers()))))
        sent = [replace(one, case=_case(self.client, one.case)) for one in cases]
        batches = (sent[start : start + size] for start in range(0, len(sent), size))
        found = work.results(batches, lambda batch: begun(batch[0].case), should_cancel)
        for one, rows in zip(cases, found, strict=True):
            yield [replace(row, image=shown(one.case.image), mask=shown(one.case.mask)) for row in rows]


def _share_folder(client: Any) -> bool:
    """Processes of this command are in its folder; other workers have folders of their own."""
    return getattr(client, "cluster", None) is not None


def _place(client: Any, place: TablePlace) -> TablePlace:
    return place if _share_folder(client) else replace(place, folder=whole(place.folder))


def _case(client: Any, case: AuditCase) -> AuditCase:
    if _share_folder(client):
        return case
    names = whole(case.names) if case.names else None
    return replace(case, image=whole(case.image), mask=whole(case.mask), names=names)


def _told(read: Callable[[int, str], None]) -> Callable[[Sequence[NumberedRow]], None]:
    return lambda batch: read(batch[0][0], batch[0][1]["image"])
