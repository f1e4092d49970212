"""The page of one day of a watch: its cases, lowest predicted Dice first."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from urllib.parse import quote

from ..bands import BandThresholds
from ..io.write import write_text
from ..report.frame import framed
from ..report.page import chip
from ..scoring.pair_rows import FAILED
from .ledger import Ledger

REST_S = 10.0
"""Between two pages, while cases come in."""
COLUMNS = ("Case", "Segment", "Predicted Dice", "Band", "Interval", "Worst slice", "Time", "Notes")
CLOSING = """  <p>The predicted Dice is an estimate, made without a reference: it says which cases deserve a look first,
  not that a mask is correct. A case that could not be scored stands first.</p>"""


class DayPages:
    """The pages of a watch's days in its folder. Many cases that come together have theirs written now and then, and
    when the last one is scored: a page takes the longer, the more there is on it. Raises OutputError."""

    def __init__(
        self,
        folder: Path,
        ledger: Ledger,
        bands: BandThresholds,
        facts: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder, self.ledger, self.bands, self.facts, self.clock = folder, ledger, bands, facts, clock
        self._due: set[str] = set()
        self._written = -math.inf

    def due(self, day: str) -> None:
        """There is something new of a day (2026-11-26)."""
        self._due.add(day)
        if self.clock() - self._written >= REST_S:
            self.finish()

    def finish(self) -> None:
        """What is due is written."""
        for day in sorted(self._due):
            self.write(day)
        self._due.clear()

    def write(self, day: str) -> None:
        made = day_html(day, self.ledger.of_day(day), self.bands, self.facts, datetime.now())
        write_text(self.folder / f"{day}.html", made)
        self._written = self.clock()


def day_html(
    day: str, rows: Sequence[Mapping[str, str]], bands: BandThresholds, facts: Mapping[str, str], created: datetime
) -> str:
    """Rows of the ledger as a page; names lead to the cases' reports in `cases/` beside it."""
    ranked = sorted(rows, key=lambda row: (not row["caveats"].startswith(FAILED), _dice(row), row["case"]))
    failed = sum(row["caveats"].startswith(FAILED) for row in rows)
    poor = sum(_dice(row) < bands.check for row in rows)
    cases = len({row["case"] for row in rows})
    head = "".join(f"<th><button>{escape(name)}</button></th>" for name in COLUMNS)
    body = (
        f"<section><h2>Cases: {cases}. Segments below {bands.check:g}: {poor}. Cases that could not be scored: {failed}"
        "</h2>"
        f'<div class="scroll"><table id="scores"><thead><tr>{head}</tr></thead><tbody>\n'
        + "\n".join(_line(row, bands) for row in ranked)
        + "\n</tbody></table></div></section>"
    )
    return framed("Scored on arrival", day, created, body, facts, CLOSING, sortable=True)


def _line(row: Mapping[str, str], bands: BandThresholds) -> str:
    dice, name = _dice(row), escape(row["case"])
    failed = row["caveats"].startswith(FAILED)
    link = name if failed else f'<a href="cases/{quote(row["case"])}/report.html">{name}</a>'
    worst = f"{row['worst_slice']} ({_short(row['worst_dice'])})" if row["worst_slice"] else ""
    interval = f"{_short(row['low'])} to {_short(row['high'])}" if row["low"] else ""
    number = _short(row["pred_dice"])
    cells = [link, escape(row["segment"]), escape(number), chip(bands.band(dice if number else math.nan)),
             escape(interval), escape(worst), escape(row["time"][11:]),
             escape(row["caveats"].removeprefix(FAILED))]  # fmt: skip
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _short(cell: str) -> str:
    return f"{float(cell):.2f}" if cell else ""


def _dice(row: Mapping[str, str]) -> float:
    """Infinite without a score, which ranks behind every number."""
    return float(row["pred_dice"]) if row["pred_dice"] else math.inf
