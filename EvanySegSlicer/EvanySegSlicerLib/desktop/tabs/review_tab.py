"""The review tab: counts, strip, filters, table, decisions, summaries, exports."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

from evanyseg.bands import QualityBand
from evanyseg.errors import EvanySegError

from ...presenters.reviewing import ReviewingPresenter
from ...presenters.texts import summary_cells
from ...presenters.view import View
from ...scene.review.queue import ORDERS, STATES, Filters
from ...scene.table.records import ScoreRecord
from ...scene.table.summaries import SegmentReview
from ..dialogs import save_path
from ..widgets import PanelWidgets
from .quality_strip import QualityStrip
from .review_table import ReviewTable
from .tab import CHOSEN, Tab

if TYPE_CHECKING:
    from ..setup.parameters import PanelParameters

BANDS = tuple(band.value for band in QualityBand)


class ReviewTab(Tab):
    """Widgets of the tab -> ReviewingPresenter. `rescore()`: score again what was edited; `view`: the status line."""

    def __init__(
        self, ui: PanelWidgets, presenter: ReviewingPresenter, rescore: Callable[[], None], view: View
    ) -> None:
        super().__init__()
        self.ui, self.presenter, self.view = ui, presenter, view
        self.table = ReviewTable(ui.reviewTable, presenter.go)
        self.strip = QualityStrip(ui.qualityStrip, presenter.go)
        self._segments: list[tuple[str, str]] = []
        self._summaries: list[SegmentReview] = []
        self._listing = True
        ui.bandFilter.addItems([_("All bands"), *BANDS])
        ui.stateFilter.addItems([_("All states"), *STATES])
        heads = [_("Segment"), _("Mean Dice"), _("Lowest"), _("Poor"), _("Worst run"), _("Reviewed")]
        ui.summaryTable.setColumnCount(len(heads))
        ui.summaryTable.setHorizontalHeaderLabels(heads)
        ui.summaryTable.verticalHeader().setVisible(False)
        ui.summaryTable.horizontalHeader().setSectionResizeMode(qt.QHeaderView.Stretch)
        self._listing = False
        for selector in (ui.segmentFilter, ui.bandFilter, ui.stateFilter):
            self.listen(selector, CHOSEN, lambda index: self._on_filter())
        self.listen(ui.orderSelector, CHOSEN, self._on_order)
        self.on_click(ui.previousButton, presenter.previous)
        self.on_click(ui.nextButton, presenter.next)
        self.on_click(ui.acceptButton, presenter.accept)
        self.on_click(ui.flagButton, presenter.flag)
        self.on_click(ui.undoDecisionButton, presenter.undo)
        self.listen(ui.commentEdit, "editingFinished()", self._on_comment)
        self.on_click(ui.rescoreButton, rescore)
        self.on_click(ui.exportCsvButton, partial(self._on_export, "csv", presenter.export_csv))
        self.on_click(ui.exportHtmlButton, partial(self._on_export, "html", presenter.export_html))

    def bind(self, parameters: PanelParameters) -> None:
        """Show the session's order."""
        order = self.presenter.controller.session.order
        if order in ORDERS:
            self.ui.orderSelector.setCurrentIndex(ORDERS.index(order))

    def close(self) -> None:
        super().close()
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

    def _list_segments(self, rows: list[ScoreRecord]) -> None:
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
            for column, text in enumerate(summary_cells(line)):
                table.setItem(row, column, qt.QTableWidgetItem(text))

    def _on_export(self, ending: str, export: Callable[[Path], int]) -> None:
        path = save_path(_("Export the review"), f"evanyseg-review.{ending}")
        if path is None:
            return
        try:
            count = export(path)
        except EvanySegError as error:
            self.view.status(str(error), problem=True)
            return
        self.view.status(_("{count} rows written to {path}.").format(count=count, path=path))
