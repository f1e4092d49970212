"""The three check boxes of what is shown: quality overlay, error map, bands in 3D; and the Flagged status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...presenters.error_map import ErrorMapPresenter
from ...presenters.quality_display import QualityDisplay
from ...presenters.segmenting import SegmentingPresenter
from ...presenters.showing.map_follower import MapFollower
from ...presenters.view import SliceViews
from ..timer import SingleShot
from ..widgets import PanelWidgets
from .tab import Tab

if TYPE_CHECKING:
    from ..setup.parameters import PanelParameters


class ShowBox(Tab):
    """The quality overlay is bound to the parameter node and handled by the panel; the others are handled here."""

    def __init__(
        self,
        ui: PanelWidgets,
        display: QualityDisplay,
        error_map: ErrorMapPresenter,
        segmenting: SegmentingPresenter,
        views: SliceViews,
    ) -> None:
        super().__init__()
        self.ui, self.display = ui, display
        self._parameters: PanelParameters | None = None
        self.map = MapFollower(error_map, segmenting, views, SingleShot)
        self.listen(ui.errorMapCheckBox, "toggled(bool)", self.map.set_on)
        self.listen(ui.bandsCheckBox, "toggled(bool)", self._on_bands)

    def bind(self, parameters: PanelParameters) -> None:
        self._parameters = parameters
        if self.ui.errorMapCheckBox.checked:
            self.map.set_on(True)

    def leave(self) -> None:
        """The scene goes: take what is derived out of it."""
        self.map.leave()
        self._parameters = None

    def close(self) -> None:
        self.leave()
        super().close()
        self.map.close()

    def refresh(self) -> None:
        self.map.soon()
        if self._parameters is not None and self._parameters.flagSegments:
            self.display.flag_segments()

    def _on_bands(self, on: bool) -> None:
        if not on:
            self.display.hide_bands_3d()
        elif not self.display.show_bands_3d():
            self.ui.bandsCheckBox.setChecked(False)
