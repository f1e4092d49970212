"""Ctrl-C, a closed terminal and SIGTERM end a command the same way: cleaned up, and saying what is kept."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

WORDS = {"SIGINT": "Stopped (Ctrl-C)", "SIGTERM": "Stopped (SIGTERM)", "SIGHUP": "Stopped (the terminal was closed)"}


class Stopped(BaseException):
    """Raised where the command stands when a signal comes; its notes tell what is kept. Not an Exception, so that
    nobody who handles errors of a row takes it for one."""

    def __init__(self, name: str) -> None:
        super().__init__(WORDS[name])
        self.code = 128 + int(getattr(signal, name))


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Within: signals raise `Stopped`, once; a second one ends the process at once, as ever. Signals that the caller
    has set to be ignored (nohup) stay ignored; threads other than the main one are left alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = [n for n in WORDS if hasattr(signal, n)]
    before = {n: signal.getsignal(getattr(signal, n)) for n in names}
    caught = [n for n in names if before[n] not in (signal.SIG_IGN, None)]

    def put_back() -> None:
        for name in caught:
            signal.signal(getattr(signal, name), before[name])

    def stop(number: int, _: object) -> None:
        put_back()
        raise Stopped(signal.Signals(number).name)

    for name in caught:
        signal.signal(getattr(signal, name), stop)
    try:
        yield
    finally:
        put_back()
