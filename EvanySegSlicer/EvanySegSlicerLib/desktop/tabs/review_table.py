"""The review table: Qt's own item model, filled in small portions so that 5,000 rows never hold the window up."""

from __future__ import annotations

from collections.abc import Callable

import qt
from slicer.i18n import tr as _

from ...presenters.texts import cells, is_light
from ...scene.overlay.corner_annotation import row_color
from ...scene.table.records import Key, ScoreRecord

SEGMENT, SLICE, DICE, INTERVAL, BAND, STATE, COMMENT = range(7)
PORTION = 60
"""Rows built per timer tick (a few ms)."""


def headings() -> list[str]:
    return [_("Segment"), _("Slice"), _("Dice"), _("Interval"), _("Band"), _("State"), _("Comment")]


def band_color(record: ScoreRecord) -> qt.QColor:
    red, green, blue = row_color(record)
    return qt.QColor(round(255 * red), round(255 * green), round(255 * blue))


def text_color(record: ScoreRecord) -> qt.QColor:
    """Black or white, whichever reads better on the row's colour."""
    return qt.QColor(0, 0, 0) if is_light(row_color(record)) else qt.QColor(255, 255, 255)


class ReviewTable:
    """Shows records in a QTableView. `on_chosen(key)` when the user picks a row."""

    def __init__(self, view: qt.QTableView, on_chosen: Callable[[Key], None]) -> None:
        self._view = view
        self._on_chosen = on_chosen
        self._model = qt.QStandardItemModel(0, COMMENT + 1)
        self._model.setHorizontalHeaderLabels(headings())
        view.setModel(self._model)
        view.horizontalHeader().setSectionResizeMode(qt.QHeaderView.Interactive)
        view.horizontalHeader().setStretchLastSection(True)
        view.verticalHeader().setVisible(False)
        view.verticalHeader().setDefaultSectionSize(20)
        for column, width in enumerate((86, 84, 40, 70, 62, 62)):
            view.setColumnWidth(column, width)
        view.connect("clicked(QModelIndex)", self._on_clicked)
        self._timer = qt.QTimer()
        self._timer.setInterval(0)
        self._timer.connect("timeout()", self._add_portion)
        self._records: dict[Key, ScoreRecord] = {}
        self._order: list[Key] = []
        self._row_of: dict[Key, int] = {}

    @property
    def keys(self) -> list[Key]:
        """The rows in the order shown (those not yet built included)."""
        return list(self._order)

    @property
    def complete(self) -> bool:
        return self._model.rowCount() == len(self._order)

    def show(self, rows: list[ScoreRecord]) -> None:
        """Show rows in this order. Rebuilt only when rows came, went or moved; else only what changed is written."""
        records = {row.key: row for row in rows}
        order = list(records)
        if order == self._order:
            changed = [key for key in order if records[key] != self._records[key]]
            self._records = records
            for key in changed:
                if self._row_of[key] < self._model.rowCount():
                    self._write(self._row_of[key], records[key])
            return
        self._records, self._order = records, order
        self._row_of = {key: row for row, key in enumerate(order)}
        self._model.setRowCount(0)
        self._add_portion()
        if not self.complete:
            self._timer.start()

    def select(self, key: Key | None) -> None:
        """Mark a row, as if chosen, without telling."""
        row = self._row_of.get(key) if key is not None else None
        if row is None:
            self._view.clearSelection()
            return
        while self._model.rowCount() <= row:
            self._add_portion()
        self._view.selectRow(row)

    def close(self) -> None:
        self._timer.stop()
        self._timer.disconnect("timeout()", self._add_portion)
        self._view.disconnect("clicked(QModelIndex)", self._on_clicked)

    def _on_clicked(self, index: qt.QModelIndex) -> None:
        if 0 <= index.row() < len(self._order):
            self._on_chosen(self._order[index.row()])

    def _add_portion(self) -> None:
        start = self._model.rowCount()
        end = min(start + PORTION, len(self._order))
        self._model.setRowCount(end)
        for row in range(start, end):
            self._write(row, self._records[self._order[row]])
        if self.complete:
            self._timer.stop()

    def _write(self, row: int, record: ScoreRecord) -> None:
        # values, not item objects: nothing whose owner (Python or Qt) could be in doubt
        model = self._model
        for column, text in enumerate(cells(record, _("Missing?"))):
            model.setData(model.index(row, column), text)
        band = model.index(row, BAND)
        model.setData(band, qt.QBrush(band_color(record)), qt.Qt.BackgroundRole)
        model.setData(band, qt.QBrush(text_color(record)), qt.Qt.ForegroundRole)
        warning = f"Warning: {record.caveats}" if record.caveats else ""
        model.setData(model.index(row, DICE), warning, qt.Qt.ToolTipRole)
