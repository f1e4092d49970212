"""What the slice views show of quality: the overlay, the badge of the slice in view, the legend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evanyseg.errors import EvanySegError
from evanyseg.overlay_codes import legend_entries

from ...presenters.review_controller import ReviewController
from ...scene.overlay.error_map import LEGEND
from ...scene.overlay.view_labels import ViewLabels, badge_lines
from ...scene.review.session import ReviewSession
from .slice_views import SliceView, all_views


class QualityView:
    """Overlay and labels of the open review, in all slice views; follows scrolling."""

    def __init__(self, controller: ReviewController) -> None:
        self.controller = controller
        self.on = False
        self.on_scroll: Callable[[], None] = lambda: None
        self.map_shown: Callable[[], bool] = lambda: False
        """Whether the error map is in the views in place of the quality colours."""
        self._labels: list[tuple[SliceView, ViewLabels, Any, int]] = []
        self._texts: dict[str, list] = {}

    def set_on(self, on: bool) -> None:
        """Show or take away; taking away puts back what was displaced."""
        review = self.controller.review
        self.on = on
        overlay = review.overlay if review is not None and not review.problem else None
        if on and overlay is not None and len(review.table) and not overlay.shown:
            overlay.show()
        elif not on and overlay is not None and overlay.shown:
            overlay.remove()
        if on:
            self._watch()
        else:
            self._unwatch()
        self.refresh()

    def refresh(self) -> None:
        """Badges for what the views show now; the overlay appears with the first score."""
        review = self.controller.review
        usable = review is not None and not review.problem
        if usable and self.on and len(review.table) and not review.overlay.shown:
            review.overlay.show()
        for view, labels, _node, _tag in self._labels:
            self._label(view, labels, review if usable else None)

    def close(self) -> None:
        """Leave no actor and no observer behind."""
        self._unwatch()

    def _watch(self) -> None:
        if self._labels:
            return
        for view in all_views():
            labels = ViewLabels(view.renderer)
            node = view.slice_node
            tag = node.AddObserver("ModifiedEvent", lambda caller, event, v=view, one=labels: self._on_scroll(v, one))
            self._labels.append((view, labels, node, tag))

    def _unwatch(self) -> None:
        for view, labels, node, tag in self._labels:
            node.RemoveObserver(tag)
            labels.remove()
            view.render()
        self._labels, self._texts = [], {}

    def _on_scroll(self, view: SliceView, labels: ViewLabels) -> None:
        review = self.controller.review
        self._label(view, labels, review if review is not None and not review.problem else None)
        self.on_scroll()

    def _label(self, view: SliceView, labels: ViewLabels, review: ReviewSession | None) -> None:
        rows = self._rows(view, review)
        lines = badge_lines(rows) if rows else []
        legend: list = []
        if review is not None and len(review.table) and view.name == "Red":
            legend = LEGEND if self.map_shown() else legend_entries(review.thresholds)
        said = [lines, legend]
        if self._texts.get(view.name) == said:
            return
        self._texts[view.name] = said
        labels.show_badge(lines)
        labels.show_legend_lines(legend)
        view.render()

    def _rows(self, view: SliceView, review: ReviewSession | None) -> list:
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
