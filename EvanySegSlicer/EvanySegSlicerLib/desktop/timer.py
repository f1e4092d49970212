"""Qt's clock, as presenters want it (`presenters.editing.timer.Timer`)."""

from __future__ import annotations

from collections.abc import Callable

import qt


class SingleShot:
    """Calls a function once after it was started."""

    def __init__(self, action: Callable[[], None]) -> None:
        self._action = action
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", action)

    @property
    def active(self) -> bool:
        return bool(self._timer.isActive())

    def start(self, milliseconds: int) -> None:
        self._timer.setInterval(milliseconds)
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()

    def close(self) -> None:
        self.stop()
        self._timer.disconnect("timeout()", self._action)
