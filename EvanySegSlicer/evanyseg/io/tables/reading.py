"""Reading a table: what is wrong with it as a whole is found when it is opened, before anything is loaded."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from ...errors import ImageError
from ..remote import local_file
from ..write import ending
from .cells import score_number, short, unguarded
from .layout import SEPARATORS, TableLayout, layout_of
from .parquet import SUFFIX, parquet_rows, parquet_shape

KNOWN = (
    "image", "mask", "x0", "y0", "x1", "y1", "label", "segment", "segment_id", "plane", "index", "pred_dice", "low",
    "high", "band", "finding", "caveats", "estimator", "segmenter", "intensity", "box_frame", "subject", "case",
    "prediction",
)  # fmt: skip
"""Columns with a meaning here: found in any case (`Image`), and called by these names."""

SCORES = ("pred_dice", "low", "high")


@dataclass(frozen=True)
class Table:
    """An opened table: `columns` are unique, `count` the number of rows; `first`: how many rows of the file lie before
    them (see `part`); `path`: as it was given, perhaps an address, `file`: where it is read."""

    path: Path
    layout: TableLayout
    columns: tuple[str, ...]
    count: int
    file: Path
    first: int = 0

    def rows(self) -> Iterator[dict[str, str]]:
        """One by one, from the file; missing cells are empty."""
        return islice(self._all_rows(), self.first, self.first + self.count)

    def part(self, number: int, of: int) -> Table:
        """The `number`-th (from 1) of so many parts of neighbouring rows, whose sizes differ by one at most."""
        begin, end = ((number - 1) * self.count) // of, (number * self.count) // of
        return replace(self, count=end - begin, first=self.first + begin)

    def _all_rows(self) -> Iterator[dict[str, str]]:
        if ending(self.path) == SUFFIX:
            yield from parquet_rows(self.file, self.columns)
            return
        for _, cells in _records(self.file, self.layout):
            padded = [*map(unguarded, cells), *[""] * (len(self.columns) - len(cells))]
            yield {name: cell for name, cell in zip(self.columns, padded, strict=False) if name}


def open_table(path: Path, needed: Sequence[str] = ()) -> Table:
    """Sniffs the layout and reads the table through once.

    Raises ImageError for a file that is no table, lacks a needed column, has a column twice, or rows with more cells
    than there are columns (a comma or quote that belongs to a cell).
    """
    parquet, file = ending(path) == SUFFIX, local_file(path)
    if parquet:
        layout = TableLayout("utf-8", ",")
        header, count = parquet_shape(file)
    else:
        layout, count = layout_of(file, [*needed, *KNOWN]), 0
        header = tuple(_header(file, layout))
    columns = _named(header, needed)
    missing = [name for name in needed if name not in columns]
    if missing:
        has = ", ".join(short(c) for c in columns if c) or "nothing: it is empty"
        raise ImageError(f"The table {path.name} lacks the column {', '.join(missing)}; it has {has}.")
    twice = [name for name, n in Counter(c.casefold() for c in columns if c).items() if n > 1]
    if twice:
        names = ", ".join(map(short, twice))
        raise ImageError(f"The table {path.name} has the column {names} more than once; rename one of them.")
    for line, cells in () if parquet else _records(file, layout):
        count += 1
        nameless = [c for c, name in zip(cells, columns, strict=False) if not name]
        if any(c.strip() for c in [*cells[len(columns) :], *nameless]):
            many = len(cells) if any(cells[len(columns) :]) else len([c for c in cells if c.strip()])
            raise ImageError(
                f"Line {line} of the table {path.name} has {many} cells, its header {len([c for c in columns if c])} "
                f"names (read as separated by {SEPARATORS[layout.separator]}); put text with such a character, and "
                "decimal commas, in quotes, and give every column a name."
            )
    return Table(path, layout, columns, count, file)


def checked_scores(table: Table, rows: Sequence[dict[str, str]]) -> np.ndarray:
    """`pred_dice` of rows read from the table, NaN where there is none; the limits of intervals are checked as well.

    Raises ImageError that names the cell: a text, a decimal comma that may mean two things, a value outside [0, 1].
    """
    found = np.full(len(rows), np.nan)
    for column in (c for c in SCORES if c in table.columns):
        for number, row in enumerate(rows):
            try:
                value = score_number(row[column], table.layout.separator)
            except ImageError as error:
                raise ImageError(f"{table.path.name}, row {number + 1}, column {column}: {error}.") from None
            if column == "pred_dice":
                found[number] = value
    return found


def _header(path: Path, layout: TableLayout) -> list[str]:
    with path.open(newline="", encoding=layout.encoding) as file:
        for _ in range(layout.preamble):
            file.readline()
        try:
            cells = next((r for r in csv.reader(file, delimiter=layout.separator, strict=True) if r), [])
        except csv.Error as error:
            raise ImageError(f"The header of the table {path.name} cannot be read ({error}).") from error
    return [unguarded(cell).strip() for cell in cells]


def _named(header: Sequence[str], needed: Sequence[str]) -> tuple[str, ...]:
    """Header cells by the names that are asked for, whatever their case."""
    spelled = {name.casefold(): name for name in (*KNOWN, *needed)}
    return tuple(cell if cell in needed else spelled.get(cell.casefold(), cell) for cell in header)


def _records(path: Path, layout: TableLayout) -> Iterator[tuple[int, list[str]]]:
    """(line number, cells) of every row below the header; empty rows at the end are a spreadsheet's and left out."""
    with path.open(newline="", encoding=layout.encoding) as file:
        for _ in range(layout.preamble):
            file.readline()
        reader = csv.reader(file, delimiter=layout.separator, strict=True)
        empty: list[tuple[int, list[str]]] = []
        started = False
        try:
            for cells in reader:
                if not cells:
                    continue
                if not started:
                    started = True
                    continue
                here = (reader.line_num + layout.preamble, cells)
                if not any(c.strip() for c in cells):
                    empty.append(here)
                    continue
                yield from empty
                empty.clear()
                yield here
        except csv.Error as error:
            line = reader.line_num + layout.preamble
            raise ImageError(
                f"Line {line} of the table {path.name} cannot be read ({error}); is a quote missing?"
            ) from error
