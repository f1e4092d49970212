"""The settings tab: bands, colours, what edits trigger, memory, the weights folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from evanyseg.bands import BAND_COLORS, BandThresholds
from evanyseg.errors import EvanySegError
from evanyseg.models import weight_files
from evanyseg.weights.store import WeightStore

MEGABYTE = 2**20


class SettingsTab:
    """Widgets of the tab -> session, overlay, cache, weight store. `store`: where downloaded weights are."""

    def __init__(self, ui: Any, panel: Any, store: WeightStore | None = None) -> None:
        self.ui, self.panel = ui, panel
        self.store = store or WeightStore.default()
        self._showing = False
        self._connections = [
            (ui.goodSpinBox, "valueChanged(double)", lambda value: self._on_bands()),
            (ui.checkSpinBox, "valueChanged(double)", lambda value: self._on_bands()),
            (ui.colorsSelector, "currentIndexChanged(int)", self._on_colors),
            (ui.cacheSpinBox, "valueChanged(int)", self._on_cache),
            (ui.openWeightsButton, "clicked(bool)", lambda checked=False: self._on_open()),
            (ui.importWeightsButton, "clicked(bool)", lambda checked=False: self._on_import()),
            (ui.clearWeightsButton, "clicked(bool)", lambda checked=False: self._on_clear()),
        ]
        for widget, signal, slot in self._connections:
            widget.connect(signal, slot)
        folder = str(self.store.folder)
        ui.weightsLabel.setText(folder.replace(str(Path.home()), "~", 1))
        ui.weightsLabel.setToolTip(folder)

    def bind(self, parameters: Any) -> None:
        """Show the session's bands."""
        session = self.panel.controller.session
        self._showing = True
        self.ui.goodSpinBox.setValue(session.good)
        self.ui.checkSpinBox.setValue(session.check)
        self.ui.colorsSelector.setCurrentIndex(int(session.continuous))
        self._showing = False
        self._on_cache(self.ui.cacheSpinBox.value)
        self._legend(session.thresholds)

    def leave(self) -> None:
        """Settings stay."""

    def close(self) -> None:
        for widget, signal, slot in self._connections:
            widget.disconnect(signal, slot)

    def refresh(self) -> None:
        cache = self.panel.models.cache
        self.ui.cacheLabel.setText(
            _("{count} slices, {size:.0f} MB in use").format(count=len(cache), size=cache.nbytes / MEGABYTE)
        )

    def _on_bands(self) -> None:
        """New thresholds: rows and colours follow at once; an impossible pair is said and not taken."""
        if self._showing or self.panel.controller.node is None:
            return
        try:
            thresholds = BandThresholds(round(self.ui.goodSpinBox.value, 2), round(self.ui.checkSpinBox.value, 2))
        except ValueError as error:
            self.panel.status(str(error), problem=True)
            return
        node = self.panel.controller.node
        node.set("good", thresholds.good)
        node.set("check", thresholds.check)
        review = self.panel.controller.review
        if review is not None and not review.problem:
            review.table.set_thresholds(thresholds)
            review.overlay.restyle()
        self._legend(thresholds)
        self.panel.updated([])

    def _on_colors(self, index: int) -> None:
        if self._showing or self.panel.controller.node is None:
            return
        self.panel.controller.node.set("continuous", bool(index))
        review = self.panel.controller.review
        if review is not None and not review.problem:
            review.overlay.restyle(continuous=bool(index))

    def _on_cache(self, megabytes: int) -> None:
        cache = self.panel.models.cache
        cache.max_bytes = int(megabytes) * MEGABYTE
        if cache.nbytes > cache.max_bytes:
            cache.clear()
        self.refresh()

    def _on_open(self) -> None:
        self.store.make_folder()
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self.store.folder)))

    def _on_import(self) -> None:
        path = qt.QFileDialog.getOpenFileName(slicer.util.mainWindow(), _("A weight file"), "")
        path = path[0] if isinstance(path, tuple) else path
        if path:
            self.import_file(Path(path))

    def import_file(self, path: Path) -> None:
        """Recognise and copy a weight file into the folder, on the worker (reading one needs torch)."""
        from evanyseg.models.importing import import_file

        controller = self.panel.controller
        if controller.busy:
            self.panel.status(_("One thing at a time: wait, or press Cancel."), problem=True)
            return

        def work(context: Any) -> Any:
            return import_file(path, self.store, progress=context.progress, should_cancel=context.should_cancel)

        def done(imported: Any) -> None:
            self.panel.controller.forget_models()
            text = _("{name} is ready to use.").format(name=imported.entry.title)
            self.panel.status(f"{text} {imported.note}".strip())

        controller.start(_("Importing weights"), work, done)

    def _on_clear(self) -> None:
        names = [entry.title for entry in self.store.present(weight_files().values())]
        if not names:
            self.panel.status(_("There are no downloaded weights. The built-in models stay where they are."))
            return
        question = _("Delete the downloaded weights of {names}?").format(names=", ".join(names))
        if not slicer.util.confirmOkCancelDisplay(question):
            return
        try:
            freed = self.store.clear(weight_files().values())
        except EvanySegError as error:
            self.panel.status(str(error), problem=True)
            return
        self.panel.controller.forget_models()
        self.panel.status(_("{size:.0f} MB freed.").format(size=freed / MEGABYTE))

    def _legend(self, thresholds: BandThresholds) -> None:
        ranges = {
            "good": f"from {thresholds.good:.2f}",
            "check": f"from {thresholds.check:.2f}",
            "poor": f"below {thresholds.check:.2f}",
            "unscored": "not judged",
        }
        parts = []
        for band, color in BAND_COLORS.items():
            red, green, blue = (round(255 * c) for c in color)
            parts.append(
                f"<span style='background-color:rgb({red},{green},{blue})'>&nbsp;&nbsp;&nbsp;&nbsp;</span> "
                f"<b>{band.value.upper()}</b> {ranges[band.value]}"
            )
        self.ui.legendLabel.setText(" &nbsp; ".join(parts))
