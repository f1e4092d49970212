"""Suggest next click: the map of the slice in view, the question, and + or - for an answer. No Qt.

Pressing again takes the map away. An answer is one more point: the slice is segmented anew, and asked again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.errors import EvanySegError
from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.pipeline.gain_codes import FLOOR
from evanyseg.pipeline.information_gain import LARGEST
from evanyseg.pipeline.next_click import NextClick
from evanyseg.pipeline.slice_pipeline import SlicePipeline

from ...scene.jobs.click_job import ClickJob
from ...scene.jobs.prompt_jobs import BoxJob
from ...scene.jobs.result import JobResult
from ...scene.overlay.gain_map import GainMapOverlay
from ...scene.review.session import Applied, ReviewSession
from ..review_controller import ReviewController
from ..segmenting import SegmentingPresenter

if TYPE_CHECKING:
    from slicer import vtkMRMLSliceNode

NOTHING_ASKED = "Press Suggest next click first."
OUTDATED = "The mask was changed meanwhile; ask again."
MUCH, LITTLE = 0.5, 0.2
"""Shares of the most that a click can tell, from which an answer is said to tell much, or more than little."""


@dataclass(frozen=True)
class Asked:
    """A question on the screen: the job that found it, and what it found."""

    job: ClickJob
    click: NextClick


class NextClickPresenter:
    """`asked`: the question that is on the screen, None while there is none."""

    def __init__(
        self,
        controller: ReviewController,
        segmenting: SegmentingPresenter,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`changed()`: called when a map was shown or taken away."""
        self.controller, self.segmenting, self.changed = controller, segmenting, changed
        self.asked: Asked | None = None
        self._overlay: GainMapOverlay | None = None

    @property
    def shown(self) -> bool:
        return self._overlay is not None and self._overlay.shown

    def toggle(self, slice_node: vtkMRMLSliceNode) -> None:
        """The button and the key: ask, or take the question away."""
        if self.asked is not None:
            self.remove()
            self.controller.view.status("")
        else:
            self.suggest(slice_node)

    def suggest(self, slice_node: vtkMRMLSliceNode) -> None:
        """Ask of the chosen segment on the slice that `slice_node` shows now; said when it cannot be asked."""
        meant = self.segmenting.meant(slice_node)
        if meant is None:
            return
        plane, segment_id = meant
        if not segment_id:
            self.controller.view.status("There is no mask to ask about yet; draw a box first.", problem=True)
            return
        self._ask(segment_id, plane)

    def answer(self, positive: bool) -> None:
        """+ or -: whether the place lies in the object."""
        asked = self.asked
        if asked is None:
            self.controller.view.status(NOTHING_ASKED, problem=True)
            return

        def gather(review: ReviewSession) -> BoxJob:
            if not self._as_asked(review, asked):
                raise EvanySegError(OUTDATED)
            return review.jobs.answer(asked.job, asked.click.answered(positive))

        def then(applied: Applied, result: JobResult) -> None:
            self.segmenting.scored(applied, result)
            if applied.ok:
                self.remove()
                self._ask(asked.job.segment_id, asked.job.plane)

        self.controller.work(gather, then)

    def refresh(self) -> None:
        """Masks may have changed: a question about another mask is taken away."""
        review = self.controller.usable
        if self.asked is not None and (review is None or not self._as_asked(review, self.asked)):
            self.remove()

    def remove(self) -> None:
        """Take the map out of the scene and put back what it displaced."""
        self.asked = None
        overlay, self._overlay = self._overlay, None
        if overlay is not None:
            overlay.remove()
            self.changed()

    # ---- helpers ----------------------------------------------------------------------------------------------

    def _ask(self, segment_id: str, plane: SlicePlane) -> None:
        review, node = self.controller.usable, self.controller.node
        if review is None or node is None:
            return

        def begin(pipeline: SlicePipeline) -> None:
            if self.controller.review is not review:
                return
            job = review.jobs.click(segment_id, plane)

            def done(click: NextClick) -> None:
                found = Asked(job, click)
                if self.controller.review is not review or self.controller.node is not node:
                    return
                if not self._as_asked(review, found):
                    self.controller.view.status(OUTDATED, problem=True)
                    return
                if self._overlay is None:
                    self._overlay = GainMapOverlay(node)
                self._overlay.show(plane, click)
                self.asked = found
                self.controller.view.status(question(found, review.store.name(segment_id)))
                self.changed()

            run = lambda context: job.run(context.progress, context.should_cancel)
            self.controller.start(job.title, run, done, plane=plane)

        if not self.controller.busy:
            self.controller.with_models(begin)

    @staticmethod
    def _as_asked(review: ReviewSession, asked: Asked) -> bool:
        """Whether the mask is still the one that the question is about, and lies where it lay."""
        job = asked.job
        if not review.store.has(job.segment_id):
            return False
        try:
            review.jobs.check_place(job.plane)
            return bool(np.array_equal(review.store.mask(job.segment_id, job.plane), job.mask))
        except EvanySegError:
            return False


def question(asked: Asked, segment: str) -> str:
    """For the status line."""
    click = asked.click
    if click.gain < FLOOR:
        return f"The segmenter's masks of '{segment}' agree everywhere: no click would tell it much."
    sign = "+" if click.positive else "−"
    share = click.gain / LARGEST
    tells = "much" if share >= MUCH else "something" if share >= LITTLE else "little"
    return (
        f"Does the ring lie in '{segment}'? + yes, − no. The masks say {sign} ({click.inside:.0%} inside); "
        f"your answer tells {tells}: {click.gain:.2f} of {LARGEST:.2f} nats expected."
    )
