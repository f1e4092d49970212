"""Score tables as CSV and JSON. A score that does not exist is an empty cell or null, never a number."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import ImageError
from .write import atomic_path, write_text


def read_table(path: Path, needed: Sequence[str] = ()) -> tuple[list[str], list[dict[str, str]]]:
    """(columns, rows) of a CSV with a header, all of it in memory. Raises ImageError when columns are missing."""
    columns = table_columns(path, needed)
    return columns, list(table_rows(path))


def table_columns(path: Path, needed: Sequence[str] = ()) -> list[str]:
    """The header of a CSV. Raises ImageError for a file that cannot be read or that lacks a needed column."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            columns = next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ImageError(f"The table {path} cannot be read ({error}).") from error
    missing = [name for name in needed if name not in columns]
    if missing:
        has = ", ".join(columns) if columns else "nothing: it is empty"
        raise ImageError(f"The table {path.name} lacks the column {', '.join(missing)}; it has {has}.")
    return columns


def table_rows(path: Path) -> Iterator[dict[str, str]]:
    """Rows one by one; cells beyond the header are dropped, missing ones are empty."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            yield {key: value or "" for key, value in row.items() if key is not None}


def number(text: str) -> float:
    """A score cell: NaN when it is empty or no number."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def cell(value: Any) -> Any:
    """How a value is written: four decimals for scores, nothing for NaN and None."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.4f}" if isinstance(value, float) else value


def write_table(
    path: Path, columns: Sequence[str], rows: list[dict[str, Any]], document: dict[str, Any] | None = None
) -> None:
    """Rows as CSV, or `document` (rows and all else) as JSON when the path ends so. Atomic. Raises OutputError.

    Keys of a row beyond `columns` are left out, missing ones stay empty.
    """
    if path.suffix.lower() == ".json":
        write_text(path, json_text(document if document is not None else {"rows": rows}) + "\n")
        return
    with atomic_path(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows({key: cell(value) for key, value in row.items()} for row in rows)


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
