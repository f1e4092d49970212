"""Rows of a long run: each one is on disk as soon as it is finished, so that a stopped run loses nothing.

They stand in `NAME.partial.csv` beside the table they will become, with a column that tells what they were made with;
when the last row is there the table is written in one step and that file goes.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from ..errors import OutputError
from ..io.remote import address, plain
from ..io.tables.cells import unguarded
from ..io.tables.parquet import SUFFIX, write_parquet_table
from ..io.tables.writing import RowWriter, check_table_output, separator_of
from ..io.targets import descriptor_of, is_special, real_path, sentence
from ..io.write import atomic_path, ending

RUN = "(run)"
"""The column of the unfinished table that says what its rows were made with."""


def partial_path(out: Path) -> Path:
    """Where the finished rows of an unfinished table stand: beside it; of an address in the current folder."""
    if (found := address(out)) is not None:
        return Path(f"{out.stem}.{hashlib.sha256(found.encode()).hexdigest()[:8]}.partial.csv")
    return real_path(out).with_name(f"{out.stem}.partial.csv")


class UnfinishedRows:
    """Use as a context: `write` rows in order; `remove` when what they were made for is written. `done`: rows that an
    earlier run has finished.

    partial: where they stand; None keeps nothing. run: what rows are made with, in words; only rows made with the same
    are gone on with. again: says of an earlier row that it shall be made again (it failed); such are left out. Raises
    OutputError when rows of an unfinished run are there and `resume` is False, or when they were made with something
    else.
    """

    def __init__(
        self,
        partial: Path | None,
        columns: Sequence[str],
        run: str,
        resume: bool = False,
        again: Callable[[Mapping[str, str]], bool] = lambda row: False,
    ) -> None:
        self.partial, self.columns, self.run = partial, list(columns), f"[{run}]"  # the bracket tells a cut line
        self.target = partial or Path(os.devnull)  # what errors are about
        self.done = 0
        self.again, self._begun = again, False
        self._file: TextIO | None = None
        if self.partial is None or not self.partial.exists():
            return
        found, other = 0, None
        for row in self._earlier():
            found += 1
            if other is None and (row.get(RUN) != self.run or list(row) != [*self.columns, RUN]):
                other = row
        if found and not resume:
            raise OutputError(
                f"{self.partial.name} holds {found} rows of a run that was stopped: go on with --resume, or "
                "delete that file to start again."
            )
        if other is not None:
            raise OutputError(
                f"{self.partial.name} was made otherwise ({other.get(RUN)}) than asked for now ({self.run}): give the "
                "same table and options, or delete that file to start again."
            )
        self.done = found

    def finished(self) -> Iterator[dict[str, str]]:
        """Rows that an earlier run has left, as text."""
        if self.partial is not None and self.done:
            for number, row in enumerate(self._earlier()):
                if number == self.done:
                    return
                yield {name: row[name] for name in self.columns}

    def __enter__(self) -> Self:
        if self.partial is not None:
            try:
                self._begin(self.partial)
            except OSError as error:
                raise sentence(self.target, error) from error
        return self

    def write(self, row: Mapping[str, Any]) -> None:
        """Raises OutputError."""
        if self._file is not None:
            try:
                self._rows.write({**row, RUN: self.run})
                self._file.flush()
            except OSError as error:
                raise sentence(self.target, error) from error
        self.done += 1

    def remove(self) -> None:
        """All rows are there, and what they were made for: what was unfinished goes."""
        self._close()
        if self.partial is not None:
            self.partial.unlink()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._close()
        if error is None or self.partial is None or not self.partial.exists():
            return
        if not self.done:
            self.partial.unlink()
            return
        error.add_note(f"{self.done} finished rows are kept in {self.partial}; --resume goes on from there.")

    def _begin(self, partial: Path) -> None:
        """What is usable of an earlier file (its last line may be cut), ready for more rows."""
        earlier = self._earlier() if self.done else ()
        partial.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(partial) as part, part.open("w", newline="", encoding="utf-8") as file:
            writer = RowWriter(file, [*self.columns, RUN])
            for row in earlier:
                writer.write(row)
        self._begun = True
        self._file = partial.open("a", newline="", encoding="utf-8", errors="backslashreplace")
        self._rows = RowWriter(self._file, [*self.columns, RUN], header=False)

    def _earlier(self) -> Iterator[dict[str, str]]:
        """Complete rows of the unfinished table; a line that was cut when the power failed is the last and left out."""
        assert self.partial is not None
        with self.partial.open(newline="", encoding="utf-8", errors="replace") as file:
            reader = csv.reader(file)
            names = [unguarded(c) for c in next(reader, [])]
            for cells in reader:
                if len(cells) != len(names) or (names[-1] == RUN and not cells[-1].endswith("]")):
                    return
                row = dict(zip(names, map(unguarded, cells), strict=True))
                if self._begun or not self.again(row):
                    yield row

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class RowLog(UnfinishedRows):
    """Rows that become a table: `write` them in order, then `finish`.

    out: the table; a pipe or device gets its rows one by one. The others, and what is raised: see `UnfinishedRows`.
    """

    def __init__(
        self,
        out: Path,
        columns: Sequence[str],
        run: str,
        resume: bool = False,
        again: Callable[[Mapping[str, str]], bool] = lambda row: False,
    ) -> None:
        check_table_output(out, json=False, parquet=True)
        self.out = plain(out)
        super().__init__(None if is_special(self.out) else partial_path(self.out), columns, run, resume, again)
        self.target = self.out
        self._replaced: dict[int, dict[str, Any]] = {}

    def replace(self, number: int, row: Mapping[str, Any]) -> None:
        """Another row in the place of the finished one `number` (from 0), once the table is written: one that failed
        before the run was stopped, and was tried again."""
        self._replaced[number] = dict(row)

    def __enter__(self) -> Self:
        if self.partial is None:
            try:
                number = descriptor_of(self.out)
                raw = os.dup(number) if number is not None else os.fspath(self.out)
                self._file = open(raw, "w", newline="", encoding="utf-8", errors="backslashreplace")
                self._rows = RowWriter(self._file, self.columns)
            except OSError as error:
                raise sentence(self.out, error) from error
        return super().__enter__()

    def finish(self, place: Callable[[Mapping[str, Any]], int] | None = None) -> None:
        """All rows are there: the table appears, ordered by `place` when that is given. Raises OutputError."""
        self._close()
        if self.partial is None:
            return
        rows: Iterable[Mapping[str, Any]]
        rows = (self._replaced.get(number, row) for number, row in enumerate(self.finished()))
        rows = sorted(rows, key=place) if place is not None else rows
        if ending(self.out) == SUFFIX:
            write_parquet_table(self.out, self.columns, rows)
        else:
            with atomic_path(self.out) as part, part.open("w", newline="", encoding="utf-8") as file:
                writer = RowWriter(file, self.columns, separator_of(self.out))
                for row in rows:
                    writer.write(row)
        self.remove()
