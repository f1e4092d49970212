"""One thread that runs what sessions ask for, in turn: a session that asks for much waits for the others."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from ..errors import CancelledError
from ..protocols import ShouldCancel, raise_if_cancelled
from .refusal import BUSY, TIME, Refusal

Work = Callable[[ShouldCancel], Any]


class Task:
    """`future` brings what the work answers; `cancel` may be called from any thread, at any time."""

    def __init__(self, owner: str, work: Work, seconds: float) -> None:
        self.owner = owner
        self.future: Future[Any] = Future()
        self._work, self._seconds = work, seconds
        self._cancelled = threading.Event()
        self._until = float("inf")

    def cancel(self) -> None:
        self._cancelled.set()

    def should_cancel(self) -> bool:
        return self._cancelled.is_set() or time.monotonic() > self._until

    def run(self) -> None:
        """On the worker. Whatever the work raises is the future's."""
        if not self.future.set_running_or_notify_cancel():
            return
        self._until = time.monotonic() + self._seconds
        try:
            raise_if_cancelled(self.should_cancel)
            self.future.set_result(self._work(self.should_cancel))
        except CancelledError as error:
            late = not self._cancelled.is_set()
            words = f"This took longer than {self._seconds:g} s, which is the most that one request may take here."
            self.future.set_exception(Refusal(408, TIME, words) if late else error)
        except BaseException as error:
            self.future.set_exception(error)


class FairQueue:
    """Round robin between owners. waiting: tasks of one owner that may wait; seconds: that one may run."""

    def __init__(self, waiting: int, seconds: float) -> None:
        self._most, self._seconds = waiting, seconds
        self._turns: OrderedDict[str, deque[Task]] = OrderedDict()
        self._running: Task | None = None
        self._change = threading.Condition()
        self._open = True
        self._thread = threading.Thread(target=self._loop, name="evanyseg-serve", daemon=True)
        self._thread.start()

    def submit(self, owner: str, work: Work) -> Task:
        """Raises Refusal when too many of this owner's tasks wait already, or the server is ending."""
        task = Task(owner, work, self._seconds)
        with self._change:
            if not self._open:
                raise Refusal(429, BUSY, "The server is ending.")
            if len(self._turns.get(owner, ())) >= self._most:
                raise Refusal(429, BUSY, f"{self._most} requests of this session wait already; be patient.")
            self._turns.setdefault(owner, deque()).append(task)
            self._change.notify()
        return task

    def forget(self, owner: str) -> None:
        """Cancel everything of an owner."""
        with self._change:
            for task in (*self._turns.get(owner, ()), *([self._running] if self._running else ())):
                if task.owner == owner:
                    task.cancel()

    @property
    def waiting(self) -> int:
        with self._change:
            return sum(len(tasks) for tasks in self._turns.values())

    def close(self) -> None:
        """Cancel everything and end the thread."""
        with self._change:
            self._open = False
            for task in [t for tasks in self._turns.values() for t in tasks] + [t for t in [self._running] if t]:
                task.cancel()
            self._change.notify()
        self._thread.join()

    def _loop(self) -> None:
        while (task := self._next()) is not None:
            task.run()
            with self._change:
                self._running = None

    def _next(self) -> Task | None:
        with self._change:
            while not self._turns:
                if not self._open:
                    return None
                self._change.wait()
            owner, tasks = next(iter(self._turns.items()))
            self._running = tasks.popleft()
            if tasks:
                self._turns.move_to_end(owner)
            else:
                del self._turns[owner]
            return self._running
