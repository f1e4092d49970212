"""One coloured cell per slice: where the trouble lies at a glance. Hover tells the score, a click goes there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import qt

from ...presenters.texts import hover_text
from ...scene.overlay.corner_annotation import row_word
from ...scene.review.queue import worst_of_each_slice
from ...scene.table.records import Key, ScoreRecord
from .review_table import band_color, text_color

WIDE_ENOUGH_FOR_LETTERS = 40
"""Cells: with more, a letter no longer fits."""


class QualityStrip:
    """A one-row QTableWidget: slices of one plane from first to last, the worst row of each."""

    def __init__(self, widget: qt.QTableWidget, on_chosen: Callable[[Key], None]) -> None:
        self._widget = widget
        self._on_chosen = on_chosen
        widget.horizontalHeader().setVisible(False)
        widget.verticalHeader().setVisible(False)
        widget.horizontalHeader().setMinimumSectionSize(1)
        widget.horizontalHeader().setSectionResizeMode(qt.QHeaderView.Stretch)
        widget.verticalHeader().setSectionResizeMode(qt.QHeaderView.Stretch)
        widget.setShowGrid(False)
        widget.setHorizontalScrollBarPolicy(qt.Qt.ScrollBarAlwaysOff)
        widget.setVerticalScrollBarPolicy(qt.Qt.ScrollBarAlwaysOff)
        widget.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
        widget.setFocusPolicy(qt.Qt.NoFocus)
        widget.connect("cellClicked(int,int)", self._on_cell)
        self._shown: list[ScoreRecord | None] = []

    def show(self, records: Sequence[ScoreRecord]) -> None:
        """The plane with most rows is shown; slices without a row stay empty."""
        worst = worst_of_each_slice(records)
        if worst == self._shown:
            return
        self._shown = worst
        self._widget.setRowCount(1 if worst else 0)
        self._widget.setColumnCount(len(worst))
        letters = len(worst) <= WIDE_ENOUGH_FOR_LETTERS
        for column, record in enumerate(worst):
            item = qt.QTableWidgetItem("")
            if record is not None:
                item.setText(row_word(record)[0] if letters else "")
                item.setTextAlignment(qt.Qt.AlignCenter)
                item.setBackground(qt.QBrush(band_color(record)))
                item.setForeground(qt.QBrush(text_color(record)))
                item.setToolTip(hover_text(record))
            self._widget.setItem(0, column, item)

    def close(self) -> None:
        self._widget.disconnect("cellClicked(int,int)", self._on_cell)

    def _on_cell(self, row: int, column: int) -> None:
        record = self._shown[column] if column < len(self._shown) else None
        if record is not None:
            self._on_chosen(record.key)
