"""The three check boxes of what is shown: quality overlay, error map, bands in 3D; and the Flagged status."""

from __future__ import annotations

from typing import TYPE_CHECKING

import qt

from ...presenters.error_map import ErrorMapPresenter
from ...presenters.quality_display import QualityDisplay
from ...presenters.segmenting import SegmentingPresenter
from ...presenters.view import SliceViews
from ..widgets import PanelWidgets
from .tab import Tab

if TYPE_CHECKING:
    from vtkmodules.vtkCommonCore import vtkObject

    from ..setup.parameters import PanelParameters

SETTLE_MS = 200
"""How long scrolling must have paused before a slice is scored for its error map."""


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
        self.ui, self.display, self.error_map, self.segmenting, self.views = ui, display, error_map, segmenting, views
        self._parameters: PanelParameters | None = None
        self._observed: list[tuple[vtkObject, int]] = []
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE_MS)
        self.listen(self._timer, "timeout()", self._show_map)
        self.listen(ui.errorMapCheckBox, "toggled(bool)", self._on_map)
        self.listen(ui.bandsCheckBox, "toggled(bool)", self._on_bands)

    def bind(self, parameters: PanelParameters) -> None:
        self._parameters = parameters
        if self.ui.errorMapCheckBox.checked:
            self._on_map(True)

    def leave(self) -> None:
        """The scene goes: take what is derived out of it."""
        self._timer.stop()
        self._unwatch()
        self.error_map.remove()
        self._parameters = None

    def close(self) -> None:
        self.leave()
        super().close()

    def refresh(self) -> None:
        if self.error_map.on:
            self._timer.start()
        if self._parameters is not None and self._parameters.flagSegments:
            self.display.flag_segments()

    def _on_map(self, on: bool) -> None:
        self._unwatch()
        view = self.views.active()
        if on and view is not None:
            node = view.slice_node
            self._observed = [(node, node.AddObserver("ModifiedEvent", self._on_scroll))]
        self.error_map.set_on(on, view.slice_node if view is not None else None, self.segmenting.segment_id)

    def _on_scroll(self, caller: vtkObject, event: str) -> None:
        self._timer.start()

    def _show_map(self) -> None:
        view = self.views.active()
        if not self.error_map.on or view is None:
            return
        if self.error_map.controller.busy:
            self._timer.start()  # after what is running
            return
        self.error_map.show(view.slice_node, self.segmenting.segment_id)

    def _unwatch(self) -> None:
        for subject, tag in self._observed:
            subject.RemoveObserver(tag)
        self._observed = []

    def _on_bands(self, on: bool) -> None:
        if not on:
            self.display.hide_bands_3d()
        elif not self.display.show_bands_3d():
            self.ui.bandsCheckBox.setChecked(False)
