"""Rows that travel and are scored together. Where a table is cut depends on its rows alone, never on who scores them:
a network's last bits may depend on which masks share a batch, and the table shall not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

NumberedRow = tuple[int, dict[str, str]]
"""A row and its number in the table, from 1."""

ROWS = 64
LONGEST = 4
"""Times `ROWS` that a batch may hold for the sake of one image."""


def batches(rows: Iterable[NumberedRow], size: int = ROWS) -> Iterator[list[NumberedRow]]:
    """Rows in order, about `size` at a time; neighbouring rows of one image stay together, so that it is read once."""
    batch: list[NumberedRow] = []
    for row in rows:
        full = len(batch) >= size and (row[1]["image"] != batch[-1][1]["image"] or len(batch) >= LONGEST * size)
        if full:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def unfinished_batches(
    given: Iterable[list[NumberedRow]], first: int, again: Collection[int]
) -> Iterator[list[NumberedRow]]:
    """What is left of a table of which the first `first` rows are there: the rows after them and those whose numbers
    are in `again`, cut where the whole table is cut."""
    for batch in given:
        left = [row for row in batch if row[0] > first or row[0] in again]
        if left:
            yield left
