"""Tables as Parquet: for tables that no spreadsheet will open. Needs pyarrow (the extra `[parquet]`)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from ...errors import ImageError, MissingPackageError
from ..write import atomic_path

SUFFIX = ".parquet"
NUMBERS = ("pred_dice", "low", "high")
"""Columns that are numbers (null: no score) unless a table says which of its own are; others are text, as in CSV."""
GROUP = 10_000
"""Rows in memory at a time."""


def pyarrow_parquet() -> Any:
    """The module. Raises MissingPackageError."""
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise MissingPackageError(
            "Parquet tables need pyarrow, which is not installed", "pip install 'evanyseg-slicer[parquet]'"
        ) from error
    return parquet


def write_parquet_table(
    path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]], numbers: Collection[str] = NUMBERS
) -> None:
    """Rows of text or values, in groups; atomic. numbers: the columns that are float64. Keys beyond `columns` are left
    out. Raises OutputError."""
    parquet = pyarrow_parquet()
    import pyarrow

    kinds = {name: pyarrow.float64() if name in numbers else pyarrow.string() for name in columns}
    schema = pyarrow.schema(list(kinds.items()))
    left = iter(rows)
    with atomic_path(path) as part, parquet.ParquetWriter(part, schema) as writer:
        while group := list(islice(left, GROUP)):
            cells = {name: [_cell(row.get(name, ""), name in numbers) for row in group] for name in columns}
            writer.write_table(pyarrow.table(cells, schema))


def parquet_shape(path: Path) -> tuple[tuple[str, ...], int]:
    """Names of the columns, and the number of rows. Raises ImageError."""
    parquet = pyarrow_parquet()
    try:
        with parquet.ParquetFile(path) as file:
            return tuple(file.schema_arrow.names), file.metadata.num_rows
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        raise ImageError(f"{path.name} cannot be read as a Parquet table ({error}).") from None


def parquet_rows(path: Path, columns: Sequence[str]) -> Iterator[dict[str, str]]:
    """Rows with all cells as text, as a CSV has them. Raises ImageError."""
    parquet = pyarrow_parquet()
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=GROUP):
                for row in batch.to_pylist():
                    yield {name: _text(value) for name, value in zip(columns, row.values(), strict=True) if name}
    except (OSError, ValueError) as error:
        raise ImageError(f"{path.name} cannot be read as a Parquet table ({error}).") from None


def _cell(value: Any, number: bool) -> Any:
    if not number:
        return "" if value is None else str(value)
    found = float(value) if value not in ("", None) else None
    return None if found != found else found


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value)
