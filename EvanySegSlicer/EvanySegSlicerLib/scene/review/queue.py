"""Which slices to look at first, and where to go from one: plain records in, plain values out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evanyseg.bands import QualityBand

from ..table.records import MASK, Key, ScoreRecord

BY_WRONG_AREA, BY_DICE, BY_SLICE = "wrong area", "dice", "slice"
ORDERS = (BY_WRONG_AREA, BY_DICE, BY_SLICE)
"""By expected wrong area in mm2 (tiny end slices do not fill the queue), by predicted Dice, or as the slices lie."""

STATES = ("open", "stale", "missing?", "accepted", "flagged")


@dataclass(frozen=True)
class Filters:
    """What the queue shows; empty tuples mean: all. states: of `STATES`."""

    segments: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    axis: int | None = None
    min_area_mm2: float = 0.0

    def keep(self, row: ScoreRecord) -> bool:
        return (
            (not self.segments or row.segment_id in self.segments)
            and (not self.bands or row.band in self.bands)
            and (not self.states or row.state in self.states)
            and (self.axis is None or row.axis == self.axis)
            and row.area_mm2 >= self.min_area_mm2
        )


def ranked(
    rows: Iterable[ScoreRecord], order: str = BY_WRONG_AREA, filters: Filters | None = None
) -> list[ScoreRecord]:
    """The rows that pass, worst first (or as they lie). Slices that could not be scored come before the good ones but
    after the poor ones of their order: for the wrong area they count their whole area at even odds, for Dice they come
    last. Raises ValueError for another order."""
    if order not in ORDERS:
        raise ValueError(f"Unknown order '{order}'; choose one of {', '.join(ORDERS)}.")
    kept = [r for r in rows if filters is None or filters.keep(r)]
    return sorted(kept, key={BY_WRONG_AREA: _by_area, BY_DICE: _by_dice, BY_SLICE: _by_slice}[order])


def _by_area(row: ScoreRecord) -> tuple:
    wrong = row.wrong_mm2 if not math.isnan(row.wrong_mm2) else 0.5 * row.area_mm2
    return -wrong, *_place(row)


def _by_dice(row: ScoreRecord) -> tuple:
    return (row.dice if row.scored else math.inf), *_place(row)


def _by_slice(row: ScoreRecord) -> tuple:
    return row.segment, row.axis, row.index, row.geometry


def _place(row: ScoreRecord) -> tuple:
    return row.segment_id, row.axis, row.index


def next_open(rows: Sequence[ScoreRecord], current: Key | None) -> Key | None:
    """From the current row on: the next one that nobody has decided, round the end; None when all are decided."""
    keys = [r.key for r in rows]
    at = keys.index(current) if current in keys else -1
    for offset in range(1, len(rows) + 1):
        row = rows[(at + offset) % len(rows)]
        if not row.decision and row.key != current:
            return row.key
    return None


def before(rows: Sequence[ScoreRecord], current: Key | None) -> Key | None:
    """The row before the current one, round the end, decided or not: a reviewer wants to see what he just did."""
    keys = [r.key for r in rows]
    return keys[(keys.index(current) if current in keys else 0) - 1] if keys else None


def counts(rows: Iterable[ScoreRecord]) -> str:
    """'12 of 40 reviewed, 5 poor, 3 stale': the line above the queue."""
    listed = list(rows)
    poor = sum(r.band == QualityBand.POOR.value and r.kind == MASK for r in listed)
    text = f"{sum(bool(r.decision) for r in listed)} of {len(listed)} reviewed, {poor} poor"
    for name, number in (
        ("unscored", sum(not r.scored for r in listed)),
        ("stale", sum(r.stale for r in listed)),
        ("missing?", sum(r.kind != MASK for r in listed)),
    ):
        text += f", {number} {name}" if number else ""
    return text


def worst_of_each_slice(records: Sequence[ScoreRecord]) -> list[ScoreRecord | None]:
    """From the first slice with a row to the last, of the voxel axis that has most rows."""
    axes = [r.axis for r in records if not r.geometry]
    if not axes:
        return []
    axis = max(set(axes), key=axes.count)
    worst: dict[int, ScoreRecord] = {}
    for record in reversed(ranked((r for r in records if r.axis == axis and not r.geometry), "dice")):
        worst[record.index] = record
    return [worst.get(index) for index in range(min(worst), max(worst) + 1)]
