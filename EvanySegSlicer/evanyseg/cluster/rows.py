"""A RowScorer whose rows are scored by Dask workers."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from ..errors import CancelledError, EvanySegError
from ..protocols import ShouldCancel, never_cancel
from ..scoring.pair_rows import NumberedRow, ScoredRow, TablePlace, nothing_read, without_added
from .batches import batches
from .scheduler import WAIT_S
from .work import WorkPlan, score_batch

AHEAD = 3
"""Batches that wait or run for each worker: enough to keep it busy, few enough to hold little in memory."""
POLL_S = 0.5


class ClusterRows:
    """client: a distributed.Client. A row that fails, fails alone; the batches of a worker that is lost are done again
    by another one (a batch that loses its worker again and again is split, and the row that does it fails)."""

    def __init__(self, client: Any, plan: WorkPlan) -> None:
        self.client, self.plan = client, plan

    def run(
        self,
        rows: Iterable[NumberedRow],
        place: TablePlace,
        emit: Callable[[ScoredRow], None],
        read: Callable[[int, str], None] = nothing_read,
        should_cancel: ShouldCancel = never_cancel,
    ) -> None:
        """See `RowScorer`. Raises EvanySegError when the model cannot be made on the workers, or all of them are
        gone."""
        waiting: deque[tuple[list[NumberedRow], Any]] = deque()
        coming = batches(rows)
        try:
            while True:
                room = max(1, self._workers()) * AHEAD - len(waiting)
                for batch in itertools.islice(coming, max(0, room)):
                    waiting.append((batch, self._submit(batch, place)))
                if not waiting:
                    return
                batch, future = waiting.popleft()
                read(batch[0][0], batch[0][1]["image"])
                for row in self._result(batch, future, place, should_cancel):
                    emit(row)
        finally:
            self.client.cancel([future for _, future in waiting])

    def _workers(self) -> int:
        return len(self.client.scheduler_info(n_workers=-1)["workers"])

    def _submit(self, batch: list[NumberedRow], place: TablePlace) -> Any:
        return self.client.submit(score_batch, self.plan, place, batch, pure=False)

    def _result(
        self, batch: list[NumberedRow], future: Any, place: TablePlace, should_cancel: ShouldCancel
    ) -> list[ScoredRow]:
        from distributed import KilledWorker, TimeoutError

        while True:
            if should_cancel():
                self.client.cancel([future])
                raise CancelledError("Cancelled; the finished rows are kept.")
            try:
                done: list[ScoredRow] = future.result(timeout=POLL_S)
                return done
            except TimeoutError:
                if future.status == "pending" and not self._workers():
                    self._wait_for_a_worker()
            except KilledWorker:
                if len(batch) == 1:
                    return [self._lost(batch[0])]
                single = [([row], self._submit([row], place)) for row in batch]
                return [row for one, again in single for row in self._result(one, again, place, should_cancel)]

    def _wait_for_a_worker(self) -> None:
        try:
            self.client.wait_for_workers(1, timeout=WAIT_S)
        except TimeoutError:
            raise EvanySegError("All workers are gone; the finished rows are kept, --resume goes on.") from None

    def _lost(self, row: NumberedRow) -> ScoredRow:
        number, given = row
        error = "the worker was lost each time that this row was scored (too little memory?)"
        return ScoredRow.failed(number, without_added(given), error)
