"""The event loop's clock, as presenters want it (`presenters.editing.timer.Timer`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class LoopTimer:
    """Calls a function once after it was started. Before the event loop runs nothing can be started."""

    def __init__(self, action: Callable[[], None]) -> None:
        self._action = action
        self._waiting: asyncio.TimerHandle | None = None

    @property
    def active(self) -> bool:
        return self._waiting is not None

    def start(self, milliseconds: int) -> None:
        self.stop()
        self._waiting = asyncio.get_running_loop().call_later(milliseconds / 1000, self._fire)

    def stop(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    close = stop

    def _fire(self) -> None:
        self._waiting = None
        self._action()
