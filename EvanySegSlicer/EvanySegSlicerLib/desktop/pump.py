"""Brings what workers have to say to the main thread, and lets them run meanwhile.

Desktop Slicer's event loop keeps the GIL between Python callbacks, so a Python thread would starve. While a job runs,
a timer on the main thread waits on an event in short slices: waiting lets the GIL go. No timer runs while idle.
"""

from __future__ import annotations

import qt

from ..scene.jobs.runner import DeviceThreads, JobRunner, MainQueue

INTERVAL_MS = 15
WAIT_S = 0.01
BUDGET_S = 0.02
"""Together the longest time the pump keeps the main thread from painting: 30 ms."""


class JobPump:
    """The main queue, its worker threads, the runner that starts jobs on them, and the timer that serves them."""

    def __init__(self) -> None:
        self.queue = MainQueue()
        self.threads = DeviceThreads(self.queue.post)
        self.runner = JobRunner(self.threads.for_device, self._on_activity)
        self._timer = qt.QTimer()
        self._timer.setInterval(INTERVAL_MS)
        self._timer.connect("timeout()", self._on_timer)

    def close(self) -> None:
        """Cancel everything and stop; threads end by themselves once their work has noticed."""
        self.runner.cancel_all()
        self._timer.stop()
        self._timer.disconnect("timeout()", self._on_timer)
        self.threads.shutdown()

    def _on_activity(self, active: bool) -> None:
        if active:
            self._timer.start()
        elif not len(self.queue):
            self._timer.stop()

    def _on_timer(self) -> None:
        self.queue.wait(WAIT_S)
        self.queue.drain(BUDGET_S)
        if not self.runner.active and not len(self.queue):
            self._timer.stop()
