"""Writing tables as CSV, TSV and JSON."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from ...errors import OutputError
from ..write import atomic_path, ending, is_special, write_text
from .cells import guarded
from .parquet import SUFFIX, pyarrow_parquet

SEPARATED = {".csv": ",", ".tsv": "\t", ".tab": "\t"}


class RowWriter:
    """Rows of one table, written one by one to an open text file (newline='', UTF-8), header first.

    Keys of a row beyond `columns` are left out, missing ones stay empty; text that a spreadsheet would run is guarded.
    """

    def __init__(self, file: TextIO, columns: Sequence[str], separator: str = ",", header: bool = True) -> None:
        self._writer = csv.writer(file, delimiter=separator)
        self._columns = list(columns)
        if header:
            self._writer.writerow([guarded(c) for c in self._columns])

    def write(self, row: Mapping[str, Any]) -> None:
        cells = [cell(row.get(name, "")) for name in self._columns]
        self._writer.writerow([guarded(c) if isinstance(c, str) else c for c in cells])


def cell(value: Any) -> Any:
    """How a value is written: four decimals for scores, nothing for NaN and None."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.4f}" if isinstance(value, float) else value


def check_table_output(path: Path | None, json: bool = True, parquet: bool = False) -> None:
    """Raises OutputError when a table cannot be written under that name: what is written would not be what it says;
    MissingPackageError for Parquet without pyarrow."""
    if parquet and path is not None and ending(path) == SUFFIX and not is_special(path):
        pyarrow_parquet()
        return
    if path is None or is_special(path) or ending(path) in SEPARATED or (json and ending(path) == ".json"):
        return
    known = ", ".join([*SEPARATED, *([".json"] if json else []), *([SUFFIX] if parquet else [])])
    what = f"as '{path.suffix}'" if path.suffix else "without an ending"
    raise OutputError(f"{path.name}: a table cannot be written {what}; use one of {known}.")


def separator_of(path: Path) -> str:
    """Commas, unless the ending asks for tabs."""
    return SEPARATED.get(ending(path), ",")


def write_table(
    path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]], document: dict[str, Any] | None = None
) -> None:
    """Rows as CSV or TSV, or `document` (rows and all else) as JSON when the path ends so. Atomic. Raises OutputError.

    Keys of a row beyond `columns` are left out, missing ones stay empty.
    """
    check_table_output(path)
    if ending(path) == ".json":
        write_text(path, json_text(document if document is not None else {"rows": list(rows)}) + "\n")
        return
    with atomic_path(path) as part, part.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = RowWriter(file, columns, separator_of(path))
        for row in rows:
            writer.write(row)


def json_text(document: Any) -> str:
    """Strict JSON: NaN and infinities become null."""
    return json.dumps(_plain(document), indent=1, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if hasattr(value, "item") and not hasattr(value, "__len__"):  # numpy scalars
        value = value.item()
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
