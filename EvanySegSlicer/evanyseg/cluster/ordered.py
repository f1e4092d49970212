"""Batches that Dask workers do, their results in order: few of them under way, those of a lost worker done again."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from ..errors import CancelledError, EvanySegError
from ..protocols import ShouldCancel, never_cancel

AHEAD = 3
"""Batches that wait or run for each worker: enough to keep it busy, few enough to hold little in memory."""
POLL_S = 0.5
GONE_S = 300
"""For another worker, when the last one is gone."""
LOST = "the worker was lost each time that this was tried (too little memory?)"

Item = TypeVar("Item")
Result = TypeVar("Result")


class OrderedWork(Generic[Item, Result]):
    """client: a distributed.Client; task: (arguments..., batch) -> a result of each item, run on a worker; lost: the
    result of an item whose worker was lost each time.

    A batch that loses its worker again and again is split, so that the item that does it fails alone.
    """

    def __init__(
        self,
        client: Any,
        task: Callable[..., Sequence[Result]],
        arguments: tuple[Any, ...],
        lost: Callable[[Item], Result],
    ) -> None:
        self.client, self.task, self.arguments, self.lost = client, task, arguments, lost

    def results(
        self,
        batches: Iterable[Sequence[Item]],
        begun: Callable[[Sequence[Item]], None],
        should_cancel: ShouldCancel = never_cancel,
    ) -> Iterator[Result]:
        """In order; `begun` is told of the batch that is waited for. Raises EvanySegError when the model cannot be made
        on the workers, or all of them are gone, CancelledError."""
        waiting: deque[tuple[Sequence[Item], Any]] = deque()
        coming = iter(batches)
        try:
            while True:
                room = max(1, self.workers()) * AHEAD - len(waiting)
                for batch in itertools.islice(coming, max(0, room)):
                    waiting.append((batch, self._submit(batch)))
                if not waiting:
                    return
                batch, future = waiting.popleft()
                begun(batch)
                yield from self._result(batch, future, should_cancel)
        finally:
            self.client.cancel([future for _, future in waiting])

    def workers(self) -> int:
        """How many there are now."""
        return len(self.client.scheduler_info(n_workers=-1)["workers"])

    def _submit(self, batch: Sequence[Item]) -> Any:
        return self.client.submit(self.task, *self.arguments, batch, pure=False)

    def _result(self, batch: Sequence[Item], future: Any, should_cancel: ShouldCancel) -> Sequence[Result]:
        from distributed import KilledWorker

        # a result that is asked for with a time limit can be lost on a busy machine: only a finished one is asked for
        finished = threading.Event()
        future.add_done_callback(lambda _: finished.set())
        while not finished.wait(POLL_S):
            if should_cancel():
                self.client.cancel([future])
                raise CancelledError("Cancelled; the finished rows are kept.")
            self._start_missing()
            if not self.workers():
                self._wait_for_a_worker()
        try:
            done: Sequence[Result] = future.result()
            return done
        except KilledWorker:
            if len(batch) == 1:
                return [self.lost(batch[0])]
            single = [([item], self._submit([item])) for item in batch]
            return [result for one, again in single for result in self._result(one, again, should_cancel)]

    def _start_missing(self) -> None:
        """Dask gives a worker up that took too long to start again; of processes of our own others are started."""
        cluster = getattr(self.client, "cluster", None)
        if cluster is not None and self.workers() < len(cluster.worker_spec):
            cluster.scale(len(cluster.worker_spec))

    def _wait_for_a_worker(self) -> None:
        end = time.monotonic() + GONE_S
        while not self.workers():
            if time.monotonic() > end:
                raise EvanySegError("All workers are gone; the finished rows are kept, --resume goes on.")
            time.sleep(POLL_S)
            self._start_missing()
