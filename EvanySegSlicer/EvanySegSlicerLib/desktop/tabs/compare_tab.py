"""The compare tab: which segmenters, their candidates side by side, and which to keep."""

from __future__ import annotations

import qt

from ...presenters.explore.comparing import ComparingPresenter
from ...presenters.setup.model_choice import ModelChoicePresenter
from ...presenters.texts import candidate_text
from ..views.pixmaps import pixmap
from ..widgets import PanelWidgets
from .tab import Tab


class CompareTab(Tab):
    """Widgets of the tab -> ComparingPresenter. `models`: what can be ticked."""

    def __init__(self, ui: PanelWidgets, presenter: ComparingPresenter, models: ModelChoicePresenter) -> None:
        super().__init__()
        self.ui, self.presenter = ui, presenter
        presenter.on_candidates = self._on_candidates
        self._names: list[str] = []
        for number, (name, title) in enumerate(models.choices("segmenter")):
            item = qt.QListWidgetItem(title)
            item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsSelectable)
            item.setCheckState(qt.Qt.Checked if number == 0 else qt.Qt.Unchecked)
            ui.compareModels.addItem(item)
            self._names.append(name)
        self.on_click(ui.compareButton, self._on_compare)
        self.on_click(ui.keepBestButton, presenter.keep_best)
        self.on_click(ui.keepChosenButton, lambda: presenter.keep(ui.candidateList.currentRow))
        self.refresh()

    def refresh(self) -> None:
        there = bool(self.presenter.candidates)
        self.ui.keepBestButton.setEnabled(there)
        self.ui.keepChosenButton.setEnabled(there)

    def _on_compare(self) -> None:
        models = self.ui.compareModels
        self.presenter.compare(
            [name for row, name in enumerate(self._names) if models.item(row).checkState() == qt.Qt.Checked]
        )

    def _on_candidates(self) -> None:
        shown = self.ui.candidateList
        shown.clear()
        bands = self.presenter.controller.session.thresholds
        for number, candidate in enumerate(self.presenter.candidates):
            said = candidate_text(candidate.title, candidate.estimate, bands)
            item = qt.QListWidgetItem(f"{said['title']}\n{said['band']}")
            item.setIcon(qt.QIcon(pixmap(self.presenter.picture(number), f"candidate-{number}")))
            item.setToolTip(said["tip"])
            shown.addItem(item)
        if self.presenter.candidates:
            shown.setCurrentRow(0)
        self.refresh()
