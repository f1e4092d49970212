"""What presenters tell (`presenters.view.View`), as the page's state; panels are refreshed together, not too often."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from trame_server.state import State

from ..scene.table.records import Key

SETTLE_S = 0.05
"""Panels are refreshed at most this often: a propagation changes the table many times a second."""


class Panel(Protocol):
    """One part of the page."""

    def build(self) -> None:
        """Make the widgets, inside the current layout."""

    def refresh(self) -> None:
        """Bring the state in line with the scene."""


class Page:
    """Holds no truth: everything here is read from presenters again at each refresh."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.panels: list[Panel] = []
        self.on_refresh: Callable[[], None] = lambda: None
        self.on_updated: Callable[[], None] = lambda: None
        """Called before a refresh when rows or masks changed since the last one."""
        self.following: list[Panel] = []
        """Those that also depend on which slices the views show."""
        self._updated, self._all = False, False
        self._waiting: asyncio.TimerHandle | None = None
        state.update({"status_text": "", "status_problem": False, "busy": False, "busy_what": "", "busy_percent": 0})

    # ---- presenters.view.View ---------------------------------------------------------------------------------

    def status(self, text: str, problem: bool = False) -> None:
        self.state.status_text = text
        self.state.status_problem = problem
        self.soon()

    def busy(self, what: str, fraction: float) -> None:
        self.state.busy = True
        self.state.busy_what = what
        self.state.busy_percent = round(100 * fraction)
        self.soon()

    def idle(self) -> None:
        self.state.busy = False
        self.soon()

    def updated(self, keys: list[Key]) -> None:
        self._updated = True
        self.soon()

    # ---- refreshing -------------------------------------------------------------------------------------------

    def scrolled(self) -> None:
        """Views show other slices: refresh what follows them."""
        self._soon()

    def soon(self) -> None:
        """Refresh everything and send it within `SETTLE_S`; before the server runs nothing is sent."""
        self._all = True
        self._soon()

    def _soon(self) -> None:
        if self._waiting is not None:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self._waiting = loop.call_later(SETTLE_S, self.refresh)

    def refresh(self) -> None:
        """Now."""
        self._waiting = None
        with self.state:
            self.on_refresh()
            if self._updated:
                self._updated = False
                self.on_updated()
            panels, self._all = (self.panels if self._all else self.following), False
            for panel in panels:
                panel.refresh()

    def close(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
