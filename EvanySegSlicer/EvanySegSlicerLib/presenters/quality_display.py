"""What the slice views show of quality: the overlay, the corner annotation of the slice in view, the legend; and what
is derived from scores beside them: bands in 3D, Slicer's own segment status. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from evanyseg.bands import QualityBand
from evanyseg.errors import EvanySegError
from evanyseg.overlay_codes import legend_entries

from ..scene.overlay.bands_segmentation import make_bands, remove_bands
from ..scene.overlay.view_labels import Line, ViewLabels, annotation_lines
from ..scene.review.session import ReviewSession
from ..scene.table.records import ScoreRecord
from .review_controller import ReviewController
from .view import SliceView, SliceViews

if TYPE_CHECKING:
    from vtkmodules.vtkCommonCore import vtkObject

LEGEND_VIEW = "Red"
"""The view that holds the legend: one is enough."""


class QualityDisplay:
    """Overlay and labels of the open review, in all slice views; follows scrolling."""

    def __init__(self, controller: ReviewController, views: SliceViews) -> None:
        self.controller = controller
        self.views = views
        self.on = False
        self.below = 0
        """Pixels at the bottom of each view that the front end uses itself."""
        self.on_scroll: Callable[[], None] = lambda: None
        self.map_legend: Callable[[], list[Line]] = list
        """Of the map that is in the views in place of the quality colours; empty while there is none."""
        self._labels: list[_Labeled] = []

    def set_on(self, on: bool) -> None:
        """Show or take away; taking away puts back what was displaced."""
        review = self.controller.usable
        self.on = on
        if review is not None and not on and review.overlay.shown:
            review.overlay.remove()
        self.refresh()

    def refresh(self) -> None:
        """Annotations for what the views show now; the overlay appears with the first score."""
        review = self.controller.usable
        if review is not None and self.on and len(review.table) and not review.overlay.shown:
            review.overlay.show()
        if self.on or self.map_legend():
            self._watch()
        else:
            self._unwatch()
        for labeled in self._labels:
            self._label(labeled, review)

    def close(self) -> None:
        """Leave no actor and no observer behind."""
        self._unwatch()

    # ---- labels -----------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        if not self._labels:
            self._labels = [_Labeled(view, self._on_scroll, self.below) for view in self.views.all()]

    def _unwatch(self) -> None:
        for labeled in self._labels:
            labeled.close()
        self._labels = []

    def _on_scroll(self, labeled: _Labeled) -> None:
        self._label(labeled, self.controller.usable)
        self.on_scroll()

    def _label(self, labeled: _Labeled, review: ReviewSession | None) -> None:
        legend: list[Line] = []
        if review is not None and len(review.table) and labeled.view.name == LEGEND_VIEW:
            legend = self.map_legend() or legend_entries(review.thresholds)
        labeled.show(annotation_lines(_rows_in_view(labeled.view, review)) if self.on else [], legend)

    # ---- what else is derived from scores ---------------------------------------------------------------------

    def show_bands_3d(self) -> bool:
        """Make the derived segmentation, one segment a band; False when there are no colours to make it from."""
        review = self.controller.usable
        codes = review.overlay.codes if review is not None else None
        if review is None or codes is None:
            self.controller.view.status("Score a slice and show the quality overlay first.", problem=True)
            return False
        make_bands(review.volume.GetScene(), review.volume, codes, review.thresholds)
        return True

    def hide_bands_3d(self) -> None:
        scene = self.controller.node.node.GetScene() if self.controller.node is not None else None
        if scene is not None:
            remove_bands(scene)

    def flag_segments(self) -> None:
        """Segments with a poor slice that nobody has accepted get Slicer's own status Flagged."""
        import slicer

        review = self.controller.usable
        if review is None:
            return
        logic = slicer.vtkSlicerSegmentationsModuleLogic
        poor_rows = [r for r in review.table.records() if r.band == QualityBand.POOR.value and r.decision != "accepted"]
        poor_ids = {r.segment_id for r in poor_rows}
        for segment_id in review.store.ids():
            segment = review.segmentation.GetSegmentation().GetSegment(segment_id)
            flagged = logic.GetSegmentStatus(segment) == logic.Flagged
            if segment_id in poor_ids and not flagged:
                logic.SetSegmentStatus(segment, logic.Flagged)
            elif flagged and segment_id not in poor_ids:
                logic.SetSegmentStatus(segment, logic.InProgress)


def _rows_in_view(view: SliceView, review: ReviewSession | None) -> list[ScoreRecord]:
    """Rows of the slice in view, of the visible segments."""
    if review is None or not len(review.table):
        return []
    try:
        plane = review.reader.plane_of_view(view.slice_node)
    except EvanySegError:  # the view shows nothing of this volume
        return []
    visible = review.store.ids(visible_only=True)
    rows = [review.table.get((segment_id, *plane.key)) for segment_id in visible]
    return [row for row in rows if row is not None]


class _Labeled:
    """One view with its labels; drawn again only when they say something else."""

    def __init__(self, view: SliceView, on_scroll: Callable[[_Labeled], None], below: int) -> None:
        self.view = view
        self._labels = ViewLabels(view.renderer, below)
        self._node = view.slice_node
        self._said: tuple[list[Line], list[Line], int] | None = None

        def on_modified(caller: vtkObject, event: str) -> None:
            on_scroll(self)

        self._tag = self._node.AddObserver("ModifiedEvent", on_modified)

    def show(self, annotation: list[Line], legend: list[Line]) -> None:
        now = (annotation, legend, self.view.renderer.GetSize()[0])  # words are cut to the view's width
        if now == self._said:
            return
        self._said = now
        self._labels.show_annotation(annotation)
        self._labels.show_legend(legend)
        self.view.render()

    def close(self) -> None:
        self._node.RemoveObserver(self._tag)
        self._labels.remove()
        self.view.render()
