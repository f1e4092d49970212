"""Jobs' callbacks on the event loop: posted from any thread, run on the main one, never polled for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..scene.jobs.runner import Callback, DeviceThreads, JobRunner, MainQueue

BUDGET_S = 0.02
"""The longest time in a row that callbacks keep frames and clicks waiting."""


class JobPump:
    """The main queue, its worker threads, and the runner that starts jobs on them.

    `around(drain)`: called on the event loop whenever something waits; calls `drain`, and tells the page what changed.
    """

    def __init__(self, around: Callable[[Callable[[], int]], None]) -> None:
        self._queue = MainQueue()
        self._around = around
        self._loop: asyncio.AbstractEventLoop | None = None
        self.threads = DeviceThreads(self._post)
        self.runner = JobRunner(self.threads.for_device)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Deliver to this loop from now on."""
        self._loop = loop
        if len(self._queue):
            loop.call_soon_threadsafe(self._drain)

    def close(self) -> None:
        """Cancel everything; threads end by themselves once their work has noticed."""
        self.runner.cancel_all()
        self._loop = None
        self.threads.shutdown()

    def _post(self, callback: Callback) -> None:
        self._queue.post(callback)
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        if not len(self._queue):
            return
        self._around(lambda: self._queue.drain(BUDGET_S))
        if len(self._queue) and self._loop is not None:
            self._loop.call_soon(self._drain)
