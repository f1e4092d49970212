"""The explore tab: damage a copy with a slider; score, interval, error map and scatter follow."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from ...presenters.explore.exploring import ExploringPresenter
from ...presenters.explore.synthetic_errors import DAMAGES
from ..views.pixmaps import pixmap


class ExploreTab:
    """Widgets of the tab -> ExploringPresenter."""

    def __init__(self, ui: Any, panel: Any) -> None:
        self.ui, self.panel = ui, panel
        self.presenter = ExploringPresenter(panel.controller, self._on_trial)
        self._connections = [
            (ui.damageSelector, "currentIndexChanged(int)", lambda index: self._on_change()),
            (ui.damageSlider, "valueChanged(double)", lambda value: self._on_change()),
            (ui.clearScatterButton, "clicked(bool)", lambda checked=False: self.presenter.clear()),
        ]
        for widget, signal, slot in self._connections:
            widget.connect(signal, slot)

    def bind(self, parameters: Any) -> None:
        """Nothing to keep: the mask is taken when the slider moves."""

    def leave(self) -> None:
        self.presenter.forget()

    def close(self) -> None:
        for widget, signal, slot in self._connections:
            widget.disconnect(signal, slot)

    def refresh(self) -> None:
        """Answers come through `on_trial`."""

    def _on_change(self) -> None:
        view = self.panel.segment_tab.active_view()
        problem = self.presenter.choose(
            self.panel.segmenting.segment_id,
            view.slice_node if view is not None else None,
            self.ui.referenceSelector.currentNode(),
        )
        if problem:
            self.ui.exploreResultLabel.setText(problem)
            return
        damage = list(DAMAGES)[self.ui.damageSelector.currentIndex]
        self.presenter.set_damage(damage, round(self.ui.damageSlider.value))

    def _on_trial(self) -> None:
        bands = self.panel.controller.session.thresholds
        self.ui.exploreResultLabel.setText(self.presenter.text(bands) or _("Move the slider."))
        picture, plot = self.presenter.picture(), self.presenter.plot()
        if picture is not None:
            self.ui.explorePicture.setPixmap(pixmap(picture, "explore"))
        else:
            self.ui.explorePicture.clear()
        if plot is not None:
            self.ui.scatterPicture.setPixmap(pixmap(plot, "scatter"))
        else:
            self.ui.scatterPicture.setText(_("Choose a reference\nto plot true Dice."))
