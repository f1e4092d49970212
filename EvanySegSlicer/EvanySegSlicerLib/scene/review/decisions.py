"""What the person decided about a slice: accept, flag, comment; with an undo of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from evanyseg.errors import EvanySegError

from ..table.records import ACCEPTED, DECISIONS, FLAGGED, Key, ScoreRecord
from ..table.score_table import ScoreTable

UNDO_LENGTH = 100
Said = tuple[str, str, str, str, str]


class DecisionLog:
    """Writes decisions and comments into the score table and remembers the last hundred changes.

    content_of(key): hash of what the slice holds now, '' where that cannot be said; `reviewer`: the name that decisions
    are signed with; now(): the time.
    """

    def __init__(
        self,
        table: ScoreTable,
        content_of: Callable[[Key], str] = lambda key: "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.table = table
        self.reviewer = ""
        self._content_of = content_of
        self._now = now
        self._done: list[list[tuple[Key, Said, Said]]] = []
        self._undone: list[list[tuple[Key, Said, Said]]] = []

    def decide(self, decision: str, *keys: Key) -> None:
        """`decision`: of `DECISIONS`. Raises EvanySegError for another, and for a slice without a score."""
        self._set(keys, decision=decision)

    def accept(self, *keys: Key) -> None:
        self.decide(ACCEPTED, *keys)

    def flag(self, *keys: Key) -> None:
        self.decide(FLAGGED, *keys)

    def clear(self, *keys: Key) -> None:
        """Back to open."""
        self.decide("", *keys)

    def comment(self, key: Key, text: str) -> None:
        self._set([key], comment=text.strip())

    @property
    def can_undo(self) -> bool:
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        return bool(self._undone)

    def undo(self) -> list[Key]:
        """Takes the last change back; returns the rows it touched (none when there is nothing to undo)."""
        return self._step(self._done, self._undone, 1)

    def redo(self) -> list[Key]:
        return self._step(self._undone, self._done, 2)

    def _set(self, keys: Sequence[Key], decision: str | None = None, comment: str | None = None) -> None:
        if decision is not None and decision not in DECISIONS:
            raise EvanySegError(f"'{decision}' is not a decision; choose one of accepted, flagged or none.")
        changes, rows = [], []
        for key in keys:
            row = self.table.get(key)
            if row is None:
                raise EvanySegError("That slice has no score yet; score it before deciding on it.")
            new = replace(row, comment=row.comment if comment is None else comment)
            if decision is not None:
                new = self._decided(new, decision)
            if _said(new) != _said(row):
                changes.append((key, _said(row), _said(new)))
                rows.append(new)
        if changes:
            self.table.update(*rows)
            self._done = [*self._done, changes][-UNDO_LENGTH:]
            self._undone.clear()

    def _decided(self, row: ScoreRecord, decision: str) -> ScoreRecord:
        if not decision:
            return row.undecided()
        return replace(
            row,
            decision=decision,
            reviewer=self.reviewer,
            decided=self._now().astimezone(UTC).isoformat(timespec="seconds"),
            decided_hash=self._content_of(row.key) or row.content_hash,
        )

    def _step(self, source: list, target: list, side: int) -> list[Key]:
        if not source:
            return []
        changes = source.pop()
        target.append(changes)
        rows = []
        for change in changes:
            row = self.table.get(change[0])
            if row is not None:  # a row may be gone by now: its segment was deleted
                decision, comment, reviewer, decided, content = change[side]
                rows.append(
                    replace(
                        row,
                        decision=decision,
                        comment=comment,
                        reviewer=reviewer,
                        decided=decided,
                        decided_hash=content,
                    )
                )
        self.table.update(*rows)
        return [r.key for r in rows]


def _said(row: ScoreRecord) -> Said:
    return row.decision, row.comment, row.reviewer, row.decided, row.decided_hash
