"""Hands and eyes of the tests: mouse, keys, waiting, in a free and in a GIL-holding event loop."""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable
from pathlib import Path

import PySide6
import shiboken6
from PySide6 import QtCore, QtGui, QtTest, QtWidgets

LEFT = QtCore.Qt.MouseButton.LeftButton
NO_KEYS = QtCore.Qt.KeyboardModifier.NoModifier


def _held_exec():
    """QEventLoop::exec that does not let go of the GIL, as desktop Slicer's main loop does not; None if not Linux."""
    library = Path(PySide6.__file__).parent / "Qt" / "lib" / "libQt6Core.so.6"
    if not sys.platform.startswith("linux") or not library.exists():
        return None
    function = ctypes.PyDLL(str(library))["_ZN10QEventLoop4execE6QFlagsINS_17ProcessEventsFlagEE"]
    function.argtypes, function.restype = [ctypes.c_void_p, ctypes.c_int], ctypes.c_int
    return function


HELD_EXEC = _held_exec()


PATIENCE = 120.0
"""Seconds that a test waits at least before it gives up."""


class Driver:
    """Runs the event loop until something is true, and remembers how long it was ever blocked.

    `hold_gil`: Python threads run only while the main thread is inside a Python callback that lets go.
    `beats`: of a 2 ms timer, so far, while something was waited for. `longest_block_s`: most CPU time the main thread
    spent between two of them. CPU time, since on a machine that others use too, wall time says more about them; the
    pump's wait (10 ms) comes on top.
    """

    def __init__(self, hold_gil: bool = False) -> None:
        if hold_gil and HELD_EXEC is None:
            raise RuntimeError("The GIL-holding loop needs Linux and PySide6's own Qt.")
        self.hold_gil = hold_gil
        self.longest_block_s = 0.0
        self.beats = 0

    def _exec(self, loop: QtCore.QEventLoop) -> None:
        if self.hold_gil:
            HELD_EXEC(shiboken6.getCppPointer(loop)[0], 0)
        else:
            loop.exec()

    def wait_until(self, condition: Callable[[], bool], seconds: float = 20.0, what: str = "") -> None:
        """Run the loop until `condition()`; AssertionError after `seconds`, or `PATIENCE` where that is longer: on a
        busy machine only what never happens is a fault. A 2 ms heartbeat counts and measures blocking."""
        seconds = max(seconds, PATIENCE)
        if condition():
            return
        loop, beat = QtCore.QEventLoop(), QtCore.QTimer()
        start, last = time.perf_counter(), time.thread_time()

        def on_beat() -> None:
            nonlocal last
            self.beats += 1
            self.longest_block_s = max(self.longest_block_s, time.thread_time() - last)
            if condition() or time.perf_counter() - start > seconds:
                loop.quit()
            last = time.thread_time()

        beat.setInterval(2)
        beat.timeout.connect(on_beat)
        beat.start()
        self._exec(loop)
        beat.stop()
        assert condition(), f"not within {seconds:g} s: {what or condition}"

    def run_for(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        self.wait_until(lambda: time.perf_counter() >= end, seconds + 5)

    def settle(self) -> None:
        QtWidgets.QApplication.instance().processEvents()

    # hands
    def click(self, widget: QtWidgets.QWidget) -> None:
        """A left click; the widget must be visible and enabled, as for a user."""
        assert widget.isVisible(), f"{widget.objectName} is not visible"
        assert widget.isEnabled(), f"{widget.objectName} is disabled"
        where = QtCore.QPoint(min(12, widget.size.width() // 2), widget.size.height() // 2)
        QtTest.QTest.mouseClick(widget, LEFT, NO_KEYS, where)

    def drag(self, view: QtWidgets.QWidget, start: tuple, end: tuple, steps: int = 4, release: bool = True) -> None:
        """Press at `start`, move, release at `end` (pixels of the view, y down)."""
        self.press(view, start)
        for step in range(1, steps + 1):
            share = step / steps
            self.move(view, tuple(a + (b - a) * share for a, b in zip(start, end, strict=True)))
        if release:
            self.release(view, end)

    def press(self, view, at, button=LEFT, keys=NO_KEYS) -> None:
        view.setFocus()
        self._mouse(view, QtCore.QEvent.Type.MouseButtonPress, at, button, button, keys)

    def move(self, view, at, held=LEFT) -> None:
        self._mouse(view, QtCore.QEvent.Type.MouseMove, at, QtCore.Qt.MouseButton.NoButton, held, NO_KEYS)

    def release(self, view, at, button=LEFT) -> None:
        self._mouse(view, QtCore.QEvent.Type.MouseButtonRelease, at, button, QtCore.Qt.MouseButton.NoButton, NO_KEYS)

    def double_click(self, view, at) -> None:
        """The sequence Qt sends: press, release, double click, release."""
        self.press(view, at)
        self.release(view, at)
        self._mouse(view, QtCore.QEvent.Type.MouseButtonDblClick, at, LEFT, LEFT, NO_KEYS)
        self.release(view, at)

    def _mouse(self, view, kind, at, button, held, keys) -> None:
        local = QtCore.QPointF(*at)
        event = QtGui.QMouseEvent(kind, local, QtCore.QPointF(view.mapToGlobal(local)), button, held, keys)
        QtWidgets.QApplication.sendEvent(view, event)

    def key(self, widget: QtWidgets.QWidget, key, keys=NO_KEYS) -> None:
        """A key typed into `widget` through the window, so that shortcuts get it first."""
        QtTest.QTest.keyClick(widget.window().windowHandle() or widget, key, keys)

    def type_text(self, widget: QtWidgets.QWidget, text: str) -> None:
        widget.setFocus()
        QtTest.QTest.keyClicks(widget, text)
