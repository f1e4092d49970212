"""Records in a vtkMRMLTableNode: typed columns, an index by key, and no reading twice of what has not changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, cast

from evanyseg.errors import ImageError

from .records import COLUMNS, INTEGERS, REALS, Key, ScoreRecord

if TYPE_CHECKING:
    from slicer import vtkMRMLTableNode
    from vtkmodules.vtkCommonDataModel import vtkTable

Cell = str | int | float


class _Column(Protocol):
    """What vtkStringArray, vtkIntArray and vtkDoubleArray have in common."""

    def GetValue(self, row: int) -> Cell: ...

    def SetValue(self, row: int, value: Cell) -> None: ...


class TableRows:
    """A list of `ScoreRecord` kept in a table node, which is the truth: changes made to the node by others (loading,
    editing by hand, another front end) are seen at the next call.

    `unique`: one row per key, a new record replaces the old one. Otherwise rows only append.
    """

    def __init__(self, node: vtkMRMLTableNode, unique: bool = True) -> None:
        self.node = node
        self.unique = unique
        self._records: list[ScoreRecord] = []
        self._index: dict[Key, list[int]] = {}
        self._seen: int | None = None
        self._ensure_columns()

    def __len__(self) -> int:
        return len(self.records())

    def __iter__(self) -> Iterator[ScoreRecord]:
        return iter(self.records())

    def records(self) -> list[ScoreRecord]:
        """All rows in the table's order; the list is the caller's."""
        self._sync()
        return list(self._records)

    def get(self, key: Key) -> ScoreRecord | None:
        row = self.row(key)
        return self._records[row] if row is not None else None

    def row(self, key: Key) -> int | None:
        """Row number in the table node."""
        rows = self.rows_of(key)
        return rows[-1] if rows else None

    def rows_of(self, key: Key) -> list[int]:
        """Row numbers with this key (one at most when unique)."""
        self._sync()
        return list(self._index.get(key, ()))

    def at(self, row: int) -> ScoreRecord:
        self._sync()
        return self._records[row]

    def put_many(self, records: Iterable[ScoreRecord]) -> None:
        """Replace or append; one modified event for all."""
        self._sync()
        with self._changing() as table:
            columns = _columns(table)
            for record in map(_clean, records):
                row = self._index[record.key][-1] if self.unique and record.key in self._index else None
                if row is None:
                    row = len(self._records)
                    table.InsertNextBlankRow()
                    self._records.append(record)
                    self._index.setdefault(record.key, []).append(row)
                    self._write(columns, row, record, None)
                else:
                    self._write(columns, row, record, self._records[row])
                    self._records[row] = record

    def replace_at(self, row: int, record: ScoreRecord) -> None:
        """Overwrite one row by a record of the same key."""
        self._sync()
        if self._records[row].key != record.key:
            raise ValueError(f"Row {row} is about {self._records[row].key}, not {record.key}.")
        record = _clean(record)
        with self._changing() as table:
            self._write(_columns(table), row, record, self._records[row])
            self._records[row] = record

    def remove(self, keys: Iterable[Key]) -> int:
        """Delete rows; returns how many there were."""
        self._sync()
        rows = sorted({row for k in keys for row in self._index.get(k, ())}, reverse=True)
        if not rows:
            return 0
        with self._changing() as table:
            for row in rows:
                table.RemoveRow(row)
                del self._records[row]
            self._reindex()
        return len(rows)

    @contextmanager
    def _changing(self) -> Iterator[vtkTable]:
        was = self.node.StartModify()
        table = self.node.GetTable()
        try:
            yield table
        finally:
            table.Modified()
            self._seen = table.GetMTime()
            self.node.EndModify(was)

    def _sync(self) -> None:
        table = self.node.GetTable()
        if table is None:
            raise ImageError(f"The score table '{self.node.GetName()}' has no content; was it cleared?")
        if self._seen == table.GetMTime():
            return
        self._ensure_columns()
        table = self.node.GetTable()
        columns = _columns(table)
        read = []
        for row in range(table.GetNumberOfRows()):
            values: dict[str, Any] = {}  # by name, each of its field's type
            for name, column in columns.items():
                values[name] = _typed(name, column.GetValue(row))
            read.append(ScoreRecord(**values))
        self._records = read
        self._reindex()
        self._seen = table.GetMTime()

    def _reindex(self) -> None:
        self._index = {}
        for row, record in enumerate(self._records):
            self._index.setdefault(record.key, []).append(row)

    def _write(self, columns: dict[str, _Column], row: int, record: ScoreRecord, old: ScoreRecord | None) -> None:
        for name, column in columns.items():
            value = getattr(record, name)
            if old is None or getattr(old, name) != value:
                column.SetValue(row, value)

    def _ensure_columns(self) -> None:
        """Columns in their order and type; those of another type (a table edited by hand, an older file) are converted,
        missing ones get the default."""
        import vtk

        if self.node.GetTable() is None:
            self.node.SetAndObserveTable(vtk.vtkTable())
        table = self.node.GetTable()
        rows = table.GetNumberOfRows()
        for name in COLUMNS:
            wanted: type = vtk.vtkStringArray
            if name in INTEGERS:
                wanted = vtk.vtkIntArray
            elif name in REALS:
                wanted = vtk.vtkDoubleArray
            column = table.GetColumnByName(name)
            if isinstance(column, wanted):
                continue
            made = wanted()
            made.SetName(name)
            made.SetNumberOfValues(rows)
            for row in range(rows):
                value = table.GetValueByName(row, name).ToString() if column is not None else _default(name)
                made.SetValue(row, _typed(name, value))
            if column is not None:
                table.RemoveColumnByName(name)
            table.AddColumn(made)


def _columns(table: vtkTable) -> dict[str, _Column]:
    return {name: cast(_Column, table.GetColumnByName(name)) for name in COLUMNS}


_DEFAULTS = {"kind": "mask", "band": "unscored"}


def _default(name: str) -> Cell:
    if name in INTEGERS:
        return 0
    return float("nan") if name in REALS else _DEFAULTS.get(name, "")


def _typed(name: str, value: Cell) -> Cell:
    try:
        if name in INTEGERS:
            return int(value)
        if name in REALS:
            return float(value)
    except ValueError:
        return _default(name)
    return str(value)


def _clean(record: ScoreRecord) -> ScoreRecord:
    """Tables are saved as text, one row a line, cells between tabs and quotes."""
    told = (record.segment, record.comment, record.caveats, record.reviewer)
    if not any(c in text for text in told for c in '\n\t\r"'):
        return record
    segment, comment, caveats, reviewer = (" ".join(text.split()).replace('"', "'") for text in told)
    return replace(record, segment=segment, comment=comment, caveats=caveats, reviewer=reviewer)
