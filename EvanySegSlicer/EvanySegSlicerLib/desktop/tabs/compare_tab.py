"""The compare tab: which segmenters, their candidates side by side, and which to keep."""

from __future__ import annotations

from typing import Any

import qt
from slicer.i18n import tr as _

from ...presenters.explore.comparing import ComparingPresenter
from ..views.pixmaps import pixmap

CLICKED = "clicked(bool)"


class CompareTab:
    """Widgets of the tab -> ComparingPresenter."""

    def __init__(self, ui: Any, panel: Any) -> None:
        self.ui, self.panel = ui, panel
        self.presenter = ComparingPresenter(panel.controller, self._on_candidates)
        self._names: list[str] = []
        for number, (name, title) in enumerate(panel.models.titles("segmenter")):
            item = qt.QListWidgetItem(title)
            item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsSelectable)
            item.setCheckState(qt.Qt.Checked if number == 0 else qt.Qt.Unchecked)
            ui.compareModels.addItem(item)
            self._names.append(name)
        self._connections = [
            (ui.compareButton, CLICKED, lambda checked=False: self._on_compare()),
            (ui.keepBestButton, CLICKED, lambda checked=False: self.presenter.keep_best()),
            (ui.keepChosenButton, CLICKED, lambda checked=False: self.presenter.keep(ui.candidateList.currentRow)),
        ]
        for widget, signal, slot in self._connections:
            widget.connect(signal, slot)
        self.refresh()

    def bind(self, parameters: Any) -> None:
        """Candidates belong to the scene that was open when they were made."""

    def leave(self) -> None:
        self.presenter.forget()

    def close(self) -> None:
        for widget, signal, slot in self._connections:
            widget.disconnect(signal, slot)

    def refresh(self) -> None:
        there = bool(self.presenter.candidates)
        self.ui.keepBestButton.setEnabled(there)
        self.ui.keepChosenButton.setEnabled(there)

    def _on_compare(self) -> None:
        models = self.ui.compareModels
        ticked = [name for row, name in enumerate(self._names) if models.item(row).checkState() == qt.Qt.Checked]
        segmenting = self.panel.segmenting
        row = segmenting.row()
        self.presenter.compare(
            ticked, segmenting.segment_id, segmenting.last_plane, row.box_prompt if row is not None else None
        )

    def _on_candidates(self) -> None:
        shown = self.ui.candidateList
        shown.clear()
        bands = self.panel.controller.session.thresholds
        for number, candidate in enumerate(self.presenter.candidates):
            band = bands.band(candidate.estimate.dice).value.upper()
            item = qt.QListWidgetItem(f"{candidate.title}\n{band}")
            item.setIcon(qt.QIcon(pixmap(self.presenter.picture(number), f"candidate-{number}")))
            estimate = candidate.estimate
            item.setToolTip(
                _("Interval {low:.2f}-{high:.2f}. {caveats}").format(
                    low=estimate.low, high=estimate.high, caveats="; ".join(estimate.caveats)
                )
            )
            shown.addItem(item)
        if self.presenter.candidates:
            shown.setCurrentRow(0)
        self.refresh()
