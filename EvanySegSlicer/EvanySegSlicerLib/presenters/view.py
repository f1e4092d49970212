"""What presenters ask of the panel that shows them. No Qt."""

from __future__ import annotations

from typing import Protocol

from ..scene.table.records import Key


class View(Protocol):
    """What the panel can be told."""

    def status(self, text: str, problem: bool = False) -> None:
        """One sentence for the status line; problems stand out."""

    def busy(self, what: str, fraction: float) -> None:
        """A job is on its way."""

    def idle(self) -> None:
        """The last job has ended."""

    def updated(self, keys: list[Key]) -> None:
        """Rows or masks of these keys changed."""
