"""The explore tab: a synthetic error with a slider; score, interval, error map and scatter follow."""

from __future__ import annotations

from slicer.i18n import tr as _

from ...presenters.explore.exploring import ExploringPresenter
from ...presenters.explore.synthetic_errors import SYNTHETIC_ERRORS
from ...presenters.segmenting import SegmentingPresenter
from ...presenters.view import SliceViews
from ..views.pixmaps import pixmap
from ..widgets import PanelWidgets
from .tab import CHOSEN, Tab


class ExploreTab(Tab):
    """Widgets of the tab -> ExploringPresenter. The mask is taken from the chosen segment when the slider moves."""

    def __init__(
        self, ui: PanelWidgets, presenter: ExploringPresenter, segmenting: SegmentingPresenter, views: SliceViews
    ) -> None:
        super().__init__()
        self.ui, self.presenter, self.segmenting, self.views = ui, presenter, segmenting, views
        presenter.on_trial = self._on_trial
        self.listen(ui.errorSelector, CHOSEN, lambda index: self._on_change())
        self.listen(ui.amountSlider, "valueChanged(double)", lambda value: self._on_change())
        self.on_click(ui.clearScatterButton, presenter.clear)

    def _on_change(self) -> None:
        view = self.views.active()
        problem = self.presenter.choose(
            self.segmenting.segment_id,
            view.slice_node if view is not None else None,
            self.ui.referenceSelector.currentNode(),
        )
        if problem:
            self.ui.exploreResultLabel.setText(problem)
            return
        error = list(SYNTHETIC_ERRORS)[self.ui.errorSelector.currentIndex]
        self.presenter.set_error(error, round(self.ui.amountSlider.value))

    def _on_trial(self) -> None:
        bands = self.presenter.controller.session.thresholds
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
