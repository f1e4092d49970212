"""What has been scored: one table that only grows, and is read again when the watch starts."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import OutputError
from ..io.tables import write_table
from ..io.tables.cells import unguarded
from ..io.tables.writing import RowWriter
from ..io.targets import sentence

COLUMNS = (
    "time", "case", "segment", "segment_id", "pred_dice", "low", "high", "band", "slices", "worst_slice", "worst_dice",
    "caveats", "estimator", "intensity", "image", "mask", "fingerprint",
)  # fmt: skip


class Ledger:
    """`scores.csv` of a watch: a row a segment of a case, or one with 'error: ...' in `caveats` for a case that failed.

    A case's rows are written at once, then flushed to the disk; a line that a power cut left incomplete is cut off, and
    its case is scored again. Raises OutputError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, str]] = []
        self._known: set[tuple[str, str]] = set()
        if path.exists():
            self._read()

    def knows(self, case: str, fingerprint: str) -> bool:
        return (case, fingerprint) in self._known

    def add(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
        """Write the rows of one case; they are returned as they stand in the table."""
        new = not self.path.exists()
        before = 0 if new else self.path.stat().st_size
        try:
            with self.path.open("a", newline="", encoding="utf-8", errors="backslashreplace") as file:
                writer = RowWriter(file, COLUMNS, header=new)
                for row in rows:
                    writer.write(row)
                file.flush()
                os.fsync(file.fileno())
            with self.path.open(newline="", encoding="utf-8") as file:
                file.seek(before)
                added = [self._row(cells) for cells in csv.reader(file)][1 if new else 0 :]
        except OSError as error:
            raise sentence(self.path, error) from error
        self._keep(added)
        return added

    def of_day(self, day: str) -> list[dict[str, str]]:
        """Rows whose time begins with a date (2026-11-26); of a case that was scored again the last ones alone."""
        last = {row["case"]: row["fingerprint"] for row in self.rows}
        return [r for r in self.rows if r["time"].startswith(day) and r["fingerprint"] == last[r["case"]]]

    def _read(self) -> None:
        try:
            data = self.path.read_bytes()
            whole = data[: data.rfind(b"\n") + 1]
            lines = list(csv.reader(whole.decode("utf-8").splitlines(keepends=True)))
        except (OSError, ValueError) as error:
            raise OutputError(f"{self.path} cannot be read ({error}); move it away to start a new one.") from error
        if lines and [unguarded(c) for c in lines[0]] != list(COLUMNS):
            raise OutputError(f"{self.path} is not the table of a watch; give another folder.")
        rows = [self._row(cells) for cells in lines[1:]]
        if len(whole) < len(data):
            # the cut line may be one of several of its case: all of them go
            cut = rows[-1] if rows else None
            partial = data[len(whole) :].decode("utf-8", "replace").split(",")
            if cut is not None and len(partial) > 1 and partial[1] == cut["case"]:
                rows = [r for r in rows if (r["case"], r["fingerprint"]) != (cut["case"], cut["fingerprint"])]
            self._write_again(rows)
        self._keep(rows)

    def _write_again(self, rows: Sequence[Mapping[str, Any]]) -> None:
        write_table(self.path, COLUMNS, rows)

    def _keep(self, rows: Sequence[dict[str, str]]) -> None:
        self.rows += rows
        self._known |= {(row["case"], row["fingerprint"]) for row in rows}

    @staticmethod
    def _row(cells: Sequence[str]) -> dict[str, str]:
        return {name: unguarded(cell) for name, cell in zip(COLUMNS, cells, strict=False)}
