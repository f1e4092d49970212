"""What presenters ask of a front end's clock. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """Fires once after it was started; starting it again before that begins the wait anew."""

    @property
    def active(self) -> bool:
        """Whether it is going to fire."""

    def start(self, milliseconds: int) -> None: ...

    def stop(self) -> None: ...

    def close(self) -> None:
        """It is not needed any more."""


MakeTimer = Callable[[Callable[[], None]], Timer]
"""A front end's timers: one for each function to be called on its main thread."""
