"""The three check boxes of what is shown: quality colours, error map, bands in 3D; and the Flagged status."""

from __future__ import annotations

from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ...presenters.error_map import ErrorMapPresenter
from ...scene.overlay.bands_segmentation import make_bands, remove_bands

SETTLE_MS = 200
"""How long scrolling must have paused before a slice is judged for its error map."""


class ShowBox:
    """Quality colours are bound to the parameter node and handled by the panel; the others are handled here."""

    def __init__(self, ui: Any, panel: Any) -> None:
        self.ui, self.panel = ui, panel
        self.error_map = ErrorMapPresenter(panel.controller, panel.quality.refresh)
        panel.quality.map_shown = lambda: self.error_map.shown
        self._parameters: Any = None
        self._observed: list[tuple[Any, int]] = []
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE_MS)
        self._timer.connect("timeout()", self._show_map)
        ui.errorMapCheckBox.connect("toggled(bool)", self._on_map)
        ui.bandsCheckBox.connect("toggled(bool)", self._on_bands)

    def bind(self, parameters: Any) -> None:
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
        self._timer.disconnect("timeout()", self._show_map)
        self.ui.errorMapCheckBox.disconnect("toggled(bool)", self._on_map)
        self.ui.bandsCheckBox.disconnect("toggled(bool)", self._on_bands)

    def refresh(self) -> None:
        """Masks or rows changed."""
        if self.error_map.on:
            self._timer.start()
        if self._parameters is not None and self._parameters.flagSegments:
            self._flag_segments()

    # ---- error map --------------------------------------------------------------------------------------------

    def _on_map(self, on: bool) -> None:
        self._unwatch()
        view = self.panel.segment_tab.active_view()
        if on and view is not None:
            node = view.slice_node
            self._observed = [(node, node.AddObserver("ModifiedEvent", self._on_scroll))]
        self.error_map.set_on(on, view.slice_node if view is not None else None, self.panel.segmenting.segment_id)

    def _on_scroll(self, caller: Any, event: str) -> None:
        self._timer.start()

    def _show_map(self) -> None:
        view = self.panel.segment_tab.active_view()
        if not self.error_map.on or view is None:
            return
        if self.panel.controller.busy:
            self._timer.start()  # after what is running
            return
        self.error_map.show(view.slice_node, self.panel.segmenting.segment_id)

    def _unwatch(self) -> None:
        for subject, tag in self._observed:
            subject.RemoveObserver(tag)
        self._observed = []

    # ---- bands in 3D ------------------------------------------------------------------------------------------

    def _on_bands(self, on: bool) -> None:
        review = self.panel.controller.review
        if not on:
            remove_bands(slicer.mrmlScene)
            return
        codes = review.overlay.codes if review is not None and not review.problem else None
        if codes is None:
            self.panel.status(_("Score a slice and show the colours first."), problem=True)
            self.ui.bandsCheckBox.setChecked(False)
            return
        make_bands(slicer.mrmlScene, review.volume, codes, review.thresholds)

    # ---- Flagged ----------------------------------------------------------------------------------------------

    def _flag_segments(self) -> None:
        """Segments with a poor slice that nobody has accepted get Slicer's own status Flagged."""
        review = self.panel.controller.review
        if review is None or review.problem:
            return
        logic = slicer.vtkSlicerSegmentationsModuleLogic
        rows = review.table.records()
        for segment_id in review.store.ids():
            poor = any(r.segment_id == segment_id and r.band == "poor" and r.decision != "accepted" for r in rows)
            segment = review.segmentation.GetSegmentation().GetSegment(segment_id)
            flagged = logic.GetSegmentStatus(segment) == logic.Flagged
            if poor and not flagged:
                logic.SetSegmentStatus(segment, logic.Flagged)
            elif flagged and not poor:
                logic.SetSegmentStatus(segment, logic.InProgress)
