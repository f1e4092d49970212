"""What a worker gets at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..scoring.pair_rows import NumberedRow

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
