"""What the review tab adds to the scene layer's queue: the order by slice, and which row comes next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..scene.review import queue
from ..scene.table.records import Key, ScoreRecord

BY_SLICE = "slice"
ORDERS = (*queue.ORDERS, BY_SLICE)
STATES = ("open", "stale", "missing?", "accepted", "flagged")


def arrange(rows: Iterable[ScoreRecord], order: str, filters: queue.Filters) -> list[ScoreRecord]:
    """The rows that pass, in the order chosen."""
    if order != BY_SLICE:
        return queue.ranked(rows, order, filters)
    return sorted((r for r in rows if filters.keep(r)), key=lambda r: (r.segment, r.axis, r.index, r.geometry))


def step(rows: Sequence[ScoreRecord], current: Key | None, forward: bool = True) -> Key | None:
    """From the current row on: the next one that nobody has decided, round the end; None when all are decided.
    Backwards: the row before, decided or not, since a reviewer wants to see what he just did."""
    keys = [r.key for r in rows]
    if not keys:
        return None
    if not forward:
        at = keys.index(current) if current in keys else 0
        return keys[at - 1]
    at = keys.index(current) if current in keys else -1
    for offset in range(1, len(rows) + 1):
        row = rows[(at + offset) % len(rows)]
        if not row.decision and row.key != current:
            return row.key
    return None
