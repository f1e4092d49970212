"""How fast a run goes, and when it will be done: in words for a bar, or for a line now and then."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

WINDOW_S = 120.0
"""What the pace is measured over: long enough for uneven batches, short enough to notice other work on the machine."""
STEP_S = 1.0


class Pace:
    """Told of fractions as they are done. total: how many things there are (0: not known), called `unit`.

    A run that goes on begins anywhere: what was done before counts for no pace. A fraction that falls begins anew.
    """

    def __init__(self, total: int = 0, unit: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self.total, self.unit, self.clock = total, unit, clock
        self._seen: deque[tuple[float, float]] = deque()

    def at(self, fraction: float) -> None:
        """So much is done now."""
        now = self.clock()
        if self._seen and fraction < self._seen[-1][1]:
            self._seen.clear()
        if len(self._seen) > 1 and now - self._seen[-2][0] < STEP_S:
            self._seen.pop()
        self._seen.append((now, fraction))
        while len(self._seen) > 2 and now - self._seen[1][0] > WINDOW_S:
            self._seen.popleft()

    @property
    def per_second(self) -> float:
        """Fractions; 0 while it is not known."""
        if len(self._seen) < 2 or self._seen[-1][0] - self._seen[0][0] < STEP_S:
            return 0.0
        (begin, before), (end, after) = self._seen[0], self._seen[-1]
        return (after - before) / (end - begin)

    def words(self) -> str:
        """'12,300 of 100,000 rows, 85 a second, 17 min left', as far as it is known."""
        if not self._seen:
            return ""
        done, pace = self._seen[-1][1], self.per_second
        said = [f"{round(done * self.total):,} of {self.total:,} {self.unit}"] if self.total else []
        if pace and self.total:
            said.append(_rate(pace * self.total))
        if pace:
            said.append(f"{_duration((1 - done) / pace)} left")
        return ", ".join(said)


def _rate(per_second: float) -> str:
    for what, seconds in (("second", 1), ("minute", 60)):
        if per_second * seconds >= 1:
            return f"{_short(per_second * seconds)} a {what}"
    return f"{_short(per_second * 3600)} an hour"


def _short(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"
