"""Notices edits made elsewhere (Segment Editor, brush, scripts): slices become stale, and are scored again if wanted.

Comparing masks takes time on large segmentations, so it happens in small steps from a timer while nothing else runs.
No Qt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ...scene.table.records import Key
from ..review_controller import ReviewController
from .timer import MakeTimer

if TYPE_CHECKING:
    from slicer import vtkSegmentation
    from vtkmodules.vtkCommonCore import vtkObject

QUIET_MS = 250
"""How long edits must have paused before masks are compared."""


class EditWatch:
    """Observes the open review's segmentation. `on_settled(changed)` after a comparison has run to its end."""

    def __init__(self, controller: ReviewController, make_timer: MakeTimer, on_settled: Callable[[bool], None]) -> None:
        self.controller = controller
        self._on_settled = on_settled
        self._observed: list[tuple[vtkObject, int]] = []
        self._segmentation: vtkSegmentation | None = None
        self._steps: Iterator[list[Key]] | None = None
        self._changed = False
        self._timer = make_timer(self._on_timer)

    def follow(self) -> None:
        """Watch what is open now."""
        review = self.controller.review
        node = review.segmentation if review is not None and not review.problem else None
        segmentation = node.GetSegmentation() if node is not None else None
        if segmentation is self._segmentation:
            return
        self.stop()
        self._segmentation = segmentation
        if segmentation is not None:
            for event in (
                segmentation.SourceRepresentationModified,
                segmentation.SegmentAdded,
                segmentation.SegmentRemoved,
                segmentation.SegmentModified,
            ):
                self._observed.append((segmentation, segmentation.AddObserver(event, self._on_edit)))
            self.edited()  # what was edited while nobody watched

    def stop(self) -> None:
        for subject, tag in self._observed:
            subject.RemoveObserver(tag)
        self._observed, self._segmentation, self._steps = [], None, None
        self._timer.stop()

    def close(self) -> None:
        self.stop()
        self._timer.close()

    @property
    def settled(self) -> bool:
        return not self._timer.active

    def edited(self) -> None:
        """Masks may have changed: compare once nothing more comes."""
        self._steps, self._changed = None, False
        self._timer.start(QUIET_MS)

    def _on_edit(self, caller: vtkObject, event: str) -> None:
        self.edited()

    def _on_timer(self) -> None:
        review = self.controller.review
        if review is None or review.problem:
            self.stop()
            return
        if self.controller.busy:
            self._timer.start(QUIET_MS)  # its own edits are known; look when it has ended
            return
        if self._steps is None:
            self._steps = review.refresh_steps()
        try:
            self._changed = bool(next(self._steps)) or self._changed
        except StopIteration:
            self._steps = None
            self._on_settled(self._changed)
        else:
            if self._steps is not None:  # an edit within the step begins the wait anew
                self._timer.start(0)
