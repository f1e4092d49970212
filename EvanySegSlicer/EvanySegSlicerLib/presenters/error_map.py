"""The error map of the slice in view, computed on the worker when it is asked for. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.errors import EvanySegError
from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.prompts import BoxPrompt
from evanyseg.protocols import Progress, ShouldCancel, never_cancel, no_progress
from evanyseg.results import QualityEstimate

from ..scene.nodes.volume_reader import VolumeSnapshot
from ..scene.overlay.error_map import IN_WORDS, ErrorMapOverlay
from .review_controller import ReviewController

if TYPE_CHECKING:
    from slicer import vtkMRMLSliceNode

LIKELY = 0.4
"""Probabilities below this are not shown: the map is to point at places, not to tint the slice."""


@dataclass(frozen=True)
class ErrorMapJob:
    """Score every mask on one slice, with maps; where masks lie over each other the larger probability counts."""

    volume: VolumeSnapshot
    pipeline: SlicePipeline
    plane: SlicePlane
    masks: tuple[tuple[np.ndarray, BoxPrompt | None, str], ...]
    """Mask, the box that it came from, and what its segment is called."""
    title: str = "Computing the error map"

    def run(self, progress: Progress = no_progress, should_cancel: ShouldCancel = never_cancel) -> QualityEstimate:
        """One estimate that carries the combined maps. Raises EvanySegError when the estimator has no maps."""
        image = self.volume.slice_input(self.plane)
        cases = [(image, *one) for one in self.masks]
        found = list(self.pipeline.score(cases, maps=True, should_cancel=should_cancel))
        wrong = [e.false_positive for e in found if e.false_positive is not None]
        missing = [e.false_negative for e in found if e.false_negative is not None]
        if not wrong or not missing:
            raise EvanySegError(
                f"{self.pipeline.estimator.name} predicts no error maps; choose the built-in estimator."
            )
        return replace(found[0], false_positive=_likely(wrong), false_negative=_likely(missing))


def _likely(maps: list[np.ndarray]) -> np.ndarray:
    """The largest probability of each pixel, 0 where none is likely."""
    largest = np.maximum.reduce(maps)
    return np.where(largest >= LIKELY, largest, 0).astype(np.float32)


class ErrorMapPresenter:
    """Shows the map of the slice that a view shows, as long as it is on; the quality colours give way meanwhile.

    Of the chosen segment, when it has a mask there; else of all visible ones.
    """

    def __init__(self, controller: ReviewController, changed: Callable[[], None] = lambda: None) -> None:
        """`changed()`: called when a map was shown or taken away."""
        self.controller = controller
        self.changed = changed
        self.gives_way: Callable[[], bool] = lambda: False
        """Whether another map of the slice is shown, which this one must not cover."""
        self.on = False
        self._overlay: ErrorMapOverlay | None = None
        self._shown: tuple | None = None

    @property
    def shown(self) -> bool:
        return self._overlay is not None and self._overlay.shown

    def set_on(self, on: bool, slice_node: vtkMRMLSliceNode | None, segment_id: str = "") -> None:
        self.on = on
        if on:
            self.show(slice_node, segment_id)
        else:
            self.remove()

    def show(self, slice_node: vtkMRMLSliceNode | None, segment_id: str = "") -> None:
        """Compute and show what `slice_node` shows now; quietly again when nothing has changed."""
        review, node = self.controller.usable, self.controller.node
        if review is None or node is None or slice_node is None or self.gives_way():
            self.remove()
            return
        try:
            plane = review.reader.plane_of_view(slice_node)
        except EvanySegError:
            self.remove()
            return
        ids = review.store.ids(visible_only=True)
        found = [(i, review.store.mask(i, plane)) for i in ids]
        masks = [(i, mask.copy()) for i, mask in found if mask.any()]
        masks = [one for one in masks if one[0] == segment_id] or masks
        content = tuple((i, mask.tobytes()) for i, mask in masks)
        wanted = (plane.key, content, self.controller.session.estimator, review.reader.snapshot().window.describe())
        if wanted == self._shown:
            return
        if not masks:
            self.remove()
            return
        boxes = {i: row.box_prompt for i, _ in masks if (row := review.table.get((i, *plane.key))) is not None}
        cases = tuple((mask, boxes.get(i), review.store.name(i)) for i, mask in masks)

        def begin(pipeline: SlicePipeline) -> None:
            job = ErrorMapJob(review.reader.snapshot(), pipeline, plane, cases)
            run = lambda context: job.run(context.progress, context.should_cancel)
            self.controller.start(job.title, run, done, dropped=lambda failure: dropped())

        def done(estimate: QualityEstimate) -> None:
            if not self.on or self.controller.review is not review or self.controller.node is not node:
                return
            if self._overlay is None:
                self._overlay = ErrorMapOverlay(node)
            self._overlay.show(plane, estimate)
            self._shown = wanted
            self.controller.view.status(IN_WORDS)
            self.changed()

        def dropped() -> None:  # cancelled, or no maps from this estimator: not tried again before something changes
            self.remove()
            self._shown = wanted

        if not self.controller.busy:
            self.controller.with_models(begin)

    def remove(self) -> None:
        """Take the map out of the scene and put back what it displaced."""
        overlay, self._overlay, self._shown = self._overlay, None, None
        if overlay is not None:
            overlay.remove()
            self.changed()
