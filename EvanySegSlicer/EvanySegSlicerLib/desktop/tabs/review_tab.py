"""The review tab: counts, strip, filters, table, decisions, summaries, exports."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from evanyseg.bands import QualityBand
from evanyseg.errors import EvanySegError

from ...scene.review.queue import ORDERS, STATES, Filters
from ...scene.table.records import Key
from .quality_strip import QualityStrip
from .review_table import ReviewTable

CLICKED = "clicked(bool)"
CHANGED = "currentIndexChanged(int)"
BANDS = tuple(band.value for band in QualityBand)


class ReviewTab:
    """Widgets of the tab -> ReviewingPresenter."""

    def __init__(self, ui: Any, panel: Any) -> None:
        self.ui, self.panel = ui, panel
        self.presenter = panel.reviewing
        self.table = ReviewTable(ui.reviewTable, self._on_chosen)
        self.strip = QualityStrip(ui.qualityStrip, self._on_chosen)
        self._segments: list[tuple[str, str]] = []
        self._summaries: list = []
        self._listing = True
        ui.bandFilter.addItems([_("All bands"), *BANDS])
        ui.stateFilter.addItems([_("All states"), *STATES])
        heads = [_("Segment"), _("Mean"), _("Worst"), _("Poor"), _("Worst run"), _("Reviewed")]
        ui.summaryTable.setColumnCount(len(heads))
        ui.summaryTable.setHorizontalHeaderLabels(heads)
        ui.summaryTable.verticalHeader().setVisible(False)
        ui.summaryTable.horizontalHeader().setSectionResizeMode(qt.QHeaderView.Stretch)
        self._listing = False
        self._connections = [
            (ui.segmentFilter, CHANGED, lambda index: self._on_filter()),
            (ui.bandFilter, CHANGED, lambda index: self._on_filter()),
            (ui.stateFilter, CHANGED, lambda index: self._on_filter()),
            (ui.orderSelector, CHANGED, self._on_order),
            (ui.previousButton, CLICKED, lambda checked=False: self.presenter.previous()),
            (ui.nextButton, CLICKED, lambda checked=False: self.presenter.next()),
            (ui.acceptButton, CLICKED, lambda checked=False: self.presenter.accept()),
            (ui.flagButton, CLICKED, lambda checked=False: self.presenter.flag()),
            (ui.undoDecisionButton, CLICKED, lambda checked=False: self.presenter.undo()),
            (ui.commentEdit, "editingFinished()", self._on_comment),
            (ui.rescoreButton, CLICKED, lambda checked=False: panel.segmenting.rescore()),
            (ui.exportCsvButton, CLICKED, lambda checked=False: self._on_export("csv")),
            (ui.exportHtmlButton, CLICKED, lambda checked=False: self._on_export("html")),
        ]
        for widget, signal, slot in self._connections:
            widget.connect(signal, slot)

    def bind(self, parameters: Any) -> None:
        """Show the session's order."""
        order = self.panel.controller.session.order
        if order in ORDERS:
            self.ui.orderSelector.setCurrentIndex(ORDERS.index(order))

    def leave(self) -> None:
        """The scene goes: nothing of it is kept here."""

    def close(self) -> None:
        for widget, signal, slot in self._connections:
            widget.disconnect(signal, slot)
        self.table.close()
        self.strip.close()

    def refresh(self) -> None:
        """Bring everything in line with the score table; only what changed is written."""
        rows = self.presenter.all_rows()
        self._list_segments(rows)
        shown = self.presenter.rows()
        self.ui.countsLabel.setText(self.presenter.counts())
        self.table.show(shown)
        self.strip.show(rows)
        current = self.presenter.current_row()
        self.table.select(current.key if current is not None else None)
        if not self.ui.commentEdit.hasFocus():
            self.ui.commentEdit.setText(current.comment if current is not None else "")
        stale = sum(1 for row in rows if row.stale)
        self.ui.rescoreButton.setEnabled(stale > 0)
        for button in (self.ui.exportCsvButton, self.ui.exportHtmlButton):
            button.setEnabled(bool(rows))
        self._show_summaries()

    def start_comment(self) -> None:
        """The key M."""
        self.ui.tabs.setCurrentWidget(self.ui.reviewTab)
        self.ui.commentEdit.setFocus()

    def _on_chosen(self, key: Key) -> None:
        self.presenter.go(key)

    def _list_segments(self, rows: list) -> None:
        found = list(dict.fromkeys((row.segment_id, row.segment) for row in rows))
        if found == self._segments:
            return
        chosen = self.presenter.filters.segments
        self._segments, self._listing = found, True
        self.ui.segmentFilter.clear()
        self.ui.segmentFilter.addItems([_("All segments"), *(name for _id, name in found)])
        ids = [segment_id for segment_id, _name in found]
        self.ui.segmentFilter.setCurrentIndex(1 + ids.index(chosen[0]) if chosen and chosen[0] in ids else 0)
        self._listing = False

    def _on_filter(self) -> None:
        if self._listing:
            return
        ui = self.ui
        segment, band, state = (b.currentIndex - 1 for b in (ui.segmentFilter, ui.bandFilter, ui.stateFilter))
        self.presenter.filters = Filters(
            segments=(self._segments[segment][0],) if 0 <= segment < len(self._segments) else (),
            bands=(BANDS[band],) if band >= 0 else (),
            states=(STATES[state],) if state >= 0 else (),
        )
        self.refresh()

    def _on_order(self, index: int) -> None:
        if 0 <= index < len(ORDERS):
            self.presenter.set_order(ORDERS[index])

    def _on_comment(self) -> None:
        self.presenter.comment(self.ui.commentEdit.text)
        self.ui.reviewTable.setFocus()  # the keys work again

    def _show_summaries(self) -> None:
        summaries = self.presenter.summaries()
        if summaries == self._summaries:
            return
        self._summaries = summaries
        table = self.ui.summaryTable
        table.setRowCount(len(summaries))
        for row, line in enumerate(summaries):
            scores, run = line.scores, line.scores.worst_run
            texts = (
                scores.segment,
                _number(scores.mean_dice),
                _number(scores.worst_dice),
                "" if math.isnan(scores.poor_fraction) else f"{100 * scores.poor_fraction:.0f} %",
                "" if run is None else f"{run.first}-{run.last}",
                f"{line.reviewed}/{scores.slices}",
            )
            for column, text in enumerate(texts):
                table.setItem(row, column, qt.QTableWidgetItem(text))

    def _on_export(self, kind: str) -> None:
        name = f"evanyseg-review.{kind}"
        path = self.panel.ask_file(_("Export the review"), name)
        if path is None:
            return
        try:
            count = self._export(kind, path)
        except EvanySegError as error:
            self.panel.status(str(error), problem=True)
            return
        self.panel.status(_("{count} rows written to {path}.").format(count=count, path=path))

    def _export(self, kind: str, path: Path) -> int:
        return self.presenter.export_csv(path) if kind == "csv" else self.presenter.export_html(path)


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"
