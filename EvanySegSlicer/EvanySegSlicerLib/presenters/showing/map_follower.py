"""Keeps the error map on the slice in view: computed again once scrolling and edits have paused. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..editing.timer import MakeTimer
from ..error_map import ErrorMapPresenter
from ..segmenting import SegmentingPresenter
from ..view import SliceViews

if TYPE_CHECKING:
    from vtkmodules.vtkCommonCore import vtkObject

SETTLE_MS = 200
"""How long scrolling must have paused before a slice is scored for its error map."""


class MapFollower:
    """Call `soon()` when anything that the map depends on may have changed."""

    def __init__(
        self, error_map: ErrorMapPresenter, segmenting: SegmentingPresenter, views: SliceViews, make_timer: MakeTimer
    ) -> None:
        self.error_map, self.segmenting, self.views = error_map, segmenting, views
        self._observed: list[tuple[vtkObject, int]] = []
        self._timer = make_timer(self._show)

    def set_on(self, on: bool) -> None:
        """Show it for the active view's slice, or take it away."""
        self._unwatch()
        view = self.views.active()
        if on and view is not None:
            node = view.slice_node
            self._observed = [(node, node.AddObserver("ModifiedEvent", self._on_scroll))]
        self.error_map.set_on(on, view.slice_node if view is not None else None, self.segmenting.segment_id)

    def soon(self) -> None:
        if self.error_map.on:
            self._timer.start(SETTLE_MS)

    def leave(self) -> None:
        """The scene goes: take what is derived out of it."""
        self._timer.stop()
        self._unwatch()
        self.error_map.remove()

    def close(self) -> None:
        self.leave()
        self._timer.close()

    def _on_scroll(self, caller: vtkObject, event: str) -> None:
        self.soon()

    def _show(self) -> None:
        view = self.views.active()
        if not self.error_map.on or view is None:
            return
        if self.error_map.controller.busy:
            self.soon()  # after what is running
            return
        self.error_map.show(view.slice_node, self.segmenting.segment_id)

    def _unwatch(self) -> None:
        for subject, tag in self._observed:
            subject.RemoveObserver(tag)
        self._observed = []
