"""The settings tab: bands, colours, what edits trigger, memory, the weights folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import qt
import slicer
from slicer.i18n import tr as _

from ...presenters.setup.settings import SettingsPresenter
from ...presenters.texts import bands_text
from ..dialogs import open_path
from ..widgets import PanelWidgets
from .tab import CHOSEN, Tab

if TYPE_CHECKING:
    from ..setup.parameters import PanelParameters


class SettingsTab(Tab):
    """Widgets of the tab -> SettingsPresenter."""

    def __init__(self, ui: PanelWidgets, presenter: SettingsPresenter) -> None:
        super().__init__()
        self.ui, self.presenter = ui, presenter
        self._showing = False
        self.listen(ui.goodSpinBox, "valueChanged(double)", lambda value: self._on_bands())
        self.listen(ui.checkSpinBox, "valueChanged(double)", lambda value: self._on_bands())
        self.listen(ui.colorsSelector, CHOSEN, self._on_colors)
        self.listen(ui.cacheSpinBox, "valueChanged(int)", self._on_cache)
        self.on_click(ui.openWeightsButton, self._on_open)
        self.on_click(ui.importWeightsButton, self._on_import)
        self.on_click(ui.clearWeightsButton, self._on_clear)
        folder = str(presenter.store.folder)
        ui.weightsLabel.setText(folder.replace(str(Path.home()), "~", 1))
        ui.weightsLabel.setToolTip(folder)

    def bind(self, parameters: PanelParameters) -> None:
        """Show the session's bands and colours."""
        session = self.presenter.controller.session
        self._showing = True
        self.ui.goodSpinBox.setValue(session.good)
        self.ui.checkSpinBox.setValue(session.check)
        self.ui.colorsSelector.setCurrentIndex(int(session.continuous))
        self._showing = False
        self._on_cache(self.ui.cacheSpinBox.value)

    def refresh(self) -> None:
        self.ui.cacheLabel.setText(self.presenter.cache_text())
        self.ui.legendLabel.setText(bands_text(self.presenter.controller.session.thresholds))

    def _on_bands(self) -> None:
        if not self._showing:
            self.presenter.set_bands(self.ui.goodSpinBox.value, self.ui.checkSpinBox.value)

    def _on_colors(self, index: int) -> None:
        if not self._showing:
            self.presenter.set_continuous(bool(index))

    def _on_cache(self, megabytes: int) -> None:
        self.presenter.limit_cache(int(megabytes))
        self.refresh()

    def _on_open(self) -> None:
        store = self.presenter.store
        store.make_folder()
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(store.folder)))

    def _on_import(self) -> None:
        path = open_path(_("A weight file"))
        if path is not None:
            self.presenter.import_weights(path)

    def _on_clear(self) -> None:
        names = self.presenter.downloaded()
        if not names:
            text = _("There are no downloaded weights. The built-in models stay where they are.")
            self.presenter.controller.view.status(text)
            return
        question = _("Delete the downloaded weights of {names}?").format(names=", ".join(names))
        if slicer.util.confirmOkCancelDisplay(question):
            self.presenter.clear_weights()
