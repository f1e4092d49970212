"""What a person sees: tables and words on standard error or output, progress bars, one JSON document."""

from __future__ import annotations

import contextlib
import math
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from ...bands import BAND_COLORS, BandThresholds, QualityBand
from ...io.remote import shown as shown_path
from ...io.tables import json_text
from ...io.targets import is_special
from ...protocols import Progress as ProgressCall
from ...report.file_remarks import Remark, cases_in_words
from ...results import QualityEstimate
from .pace import Pace

WRAPPED = ("Caveats", "Candidate", "image", "mask", "what it is", "licence")
"""Columns that may take several lines; the others stay readable at a glance."""
LONGEST = 1000
"""Characters of an error that are shown."""
ROW_NOTES_SHOWN = 5
LINE_S = 60.0
"""Between two lines of progress where there is no terminal."""
DISCLAIMER = "Research software: not for clinical use."


def shown(text: object, longest: int | None = None) -> str:
    """A name or sentence from outside, ready for rich: nothing in it is markup, a smiley or a terminal's command. What
    is longer than `longest` characters is cut in its middle."""
    plain = os.fsencode(text).decode("utf-8", "replace") if isinstance(text, Path) else str(text)
    plain = "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in plain)
    if longest is not None and len(plain) > longest:
        plain = f"{plain[: longest // 2]} ... {plain[-longest // 2 :]}"
    return escape(plain)


def out(aside: bool = False) -> Console:
    """Standard output, wide enough for every column when it is a file or a pipe; standard error with `aside`, when a
    result goes to standard output."""
    console = Console(stderr=aside, highlight=False, emoji=False)
    if console.is_terminal:
        return console
    return Console(stderr=aside, highlight=False, emoji=False, width=max(console.width, 120))


def say(text: str) -> None:
    """A line for the person, not for the pipe; texts from outside in it must be `shown`."""
    Console(stderr=True, highlight=False, emoji=False, soft_wrap=True).print(text)


def say_plain(text: str) -> None:
    say(shown(text))


def say_error(text: str) -> None:
    """A cell of a table, or a path made of one, may be longer than a screen."""
    say(f"[bold red]Error:[/] {shown(text, LONGEST)}")


def say_row_notes(notes: Sequence[tuple[int, str]], rows: int) -> None:
    """Sentences about rows of a table (number, text), the first few; rows: how many have some."""
    for number, text in notes[:ROW_NOTES_SHOWN]:
        say(f"Note, row {number}: {shown(text)}")
    if rows > ROW_NOTES_SHOWN:
        say(f"{rows - ROW_NOTES_SHOWN} more rows have notes of this kind.")


def say_file_remarks(found: Sequence[Remark]) -> None:
    """What reading many files gave rise to, the first few sentences."""
    for text, names in found[:ROW_NOTES_SHOWN]:
        say(f"Note, {shown(cases_in_words(names))}: {shown(text)}")
    if len(found) > ROW_NOTES_SHOWN:
        say(f"{len(found) - ROW_NOTES_SHOWN} more notes of this kind are in the files written.")


def say_written(paths: Iterable[Path | None]) -> None:
    for path in paths:
        if path is not None and not is_special(path):
            say(f"Written: {shown(shown_path(path))}")


def print_json(document: dict[str, Any]) -> None:
    text = json_text(document) + "\n"
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode("utf-8"))


@contextlib.contextmanager
def progress_bar(what: str, total: int = 0, unit: str = "") -> Iterator[ProgressCall]:
    """A bar on standard error with rate and time left; where that is no terminal a line now and then. total: of how
    many things (`unit`), where that is known."""
    console = Console(stderr=True, emoji=False)
    pace = Pace(total, unit)
    if not console.is_terminal:
        yield _lines(what, pace)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    told = (TextColumn("{task.fields[pace]}"), TextColumn("[dim]{task.fields[item]}"))
    with Progress(*columns, *told, console=console, transient=True) as bar:
        task = bar.add_task(what, total=1.0, item="", pace="")

        def call(fraction: float, item: str) -> None:
            pace.at(fraction)
            bar.update(task, completed=fraction, item=shown(item[-40:]), pace=shown(pace.words()))

        yield call


def _lines(what: str, pace: Pace) -> ProgressCall:
    last = pace.clock()

    def call(fraction: float, item: str) -> None:
        nonlocal last
        pace.at(fraction)
        if pace.clock() - last >= LINE_S:
            last = pace.clock()
            words = pace.words()
            say_plain(f"{what}: {fraction:.0%}{words and ', '}{words}")

    return call


def band_text(dice: float, bands: BandThresholds) -> str:
    """The band's word in the band's colour."""
    band = bands.band(dice)
    red, green, blue = (round(255 * c) for c in BAND_COLORS[band])
    weight = "bold " if band is QualityBand.POOR else ""
    return f"[{weight}rgb({red},{green},{blue})]{band.value}[/]"


def number_text(value: float, digits: int = 2) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def interval_text(low: float, high: float) -> str:
    return "" if math.isnan(low) or math.isnan(high) else f"{low:.2f}-{high:.2f}"


def estimate_cells(estimate: QualityEstimate, bands: BandThresholds) -> list[str]:
    """Predicted Dice, band, interval, caveats."""
    return [
        number_text(estimate.dice),
        band_text(estimate.dice, bands),
        interval_text(estimate.low, estimate.high),
        shown("; ".join(estimate.caveats)),
    ]


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A rich table; columns whose name starts with '>' are right-aligned. Texts from outside must be `shown`."""
    made = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=SIMPLE_HEAD)
    for name in columns:
        title = name.lstrip(">")
        side: Literal["left", "right"] = "right" if name.startswith(">") else "left"
        made.add_column(title, justify=side, no_wrap=title not in WRAPPED, overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


def estimate_document(estimate: QualityEstimate, bands: BandThresholds) -> dict[str, Any]:
    """An estimate for JSON."""
    return {
        "pred_dice": estimate.dice,
        "low": estimate.low,
        "high": estimate.high,
        "level": estimate.level,
        "band": bands.band(estimate.dice).value,
        "hd95": estimate.hd95,
        "hd_max": estimate.hd_max,
        "caveats": list(estimate.caveats),
        "estimator": estimate.estimator,
    }
