"""What presenters ask of the panel that shows them, and of the jobs that they run. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ..scene.nodes.volume_reader import VolumeSnapshot
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


class Gathered(Protocol):
    """What `ReviewSession.*_job` return."""

    @property
    def title(self) -> str: ...

    @property
    def volume(self) -> VolumeSnapshot: ...

    def run(self, progress: Callable[[float, str], None], should_cancel: Callable[[], bool]) -> Any: ...
