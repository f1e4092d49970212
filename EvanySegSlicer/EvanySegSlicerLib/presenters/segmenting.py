"""The segment tab: boxes and points on a slice view, propagation, scoring of what is there already. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.errors import EvanySegError, GeometryError
from evanyseg.geometry.anatomy import PLANE_NAMES, anatomical_axes
from evanyseg.geometry.boxes import box_around
from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.prompts import PointPrompt

from ..scene.jobs.prompt_jobs import BoxJob, PropagateJob
from ..scene.jobs.result import JobResult
from ..scene.review.session import Applied, ReviewSession
from ..scene.table.records import Key, ScoreRecord
from .prefetch import Prefetcher, neighbors
from .review_controller import ONE_THING, ReviewController

if TYPE_CHECKING:
    from slicer import vtkMRMLSliceNode


class SegmentingPresenter:
    """`segment_id` is the segment that boxes go to; empty: a new one is made with the first box. `last`: the row of the
    last box or point, `last_plane` its slice."""

    def __init__(self, controller: ReviewController) -> None:
        self.controller = controller
        self.segment_id = ""
        self.last: Key | None = None
        self.last_plane: SlicePlane | None = None
        self.prefetcher = Prefetcher(controller)

    # ---- segments ---------------------------------------------------------------------------------------------

    def segments(self) -> list[tuple[str, str]]:
        """(id, name) of the open review's segments. Where the chosen one is not among them, the first is chosen."""
        review = self.controller.usable
        ids = review.store.ids() if review is not None else []
        if ids and self.segment_id not in ids:
            self.segment_id = ids[0]
        return [(i, review.store.name(i)) for i in ids] if review is not None else []

    def choose_segment(self, segment_id: str) -> None:
        self.segment_id = segment_id
        self.controller.view.updated([])

    def add_segment(self) -> None:
        """A new empty segment, chosen; said when there is no volume to segment."""
        try:
            review = self.controller.require()
        except EvanySegError as error:
            self.controller.view.status(str(error), problem=True)
            return
        self.choose_segment(review.store.add())

    def rename(self, name: str) -> None:
        """Another name for the chosen segment; its rows follow. An empty one is not taken."""
        review, wanted = self.controller.usable, name.strip()
        if review is None or not wanted or not review.store.has(self.segment_id):
            return
        review.segmentation.GetSegmentation().GetSegment(self.segment_id).SetName(wanted)
        self.controller.view.updated([])

    def forget(self) -> None:
        """The scene goes."""
        self.segment_id, self.last, self.last_plane = "", None, None

    # ---- prompts ----------------------------------------------------------------------------------------------

    def prefetch(self, slice_node: vtkMRMLSliceNode) -> None:
        """The user has begun to draw here: encode the slice meanwhile, so that the mask comes at once on release."""
        if self.controller.review is None:
            return
        try:
            plane = self.controller.review.reader.plane_of_view(slice_node)
        except EvanySegError:
            return  # said when the box is released
        self.prefetcher.fetch(plane)

    def box_drawn(self, slice_node: vtkMRMLSliceNode, corners: np.ndarray) -> None:
        """corners [4, 3] RAS of the rectangle drawn on a view: segment, score and colour that slice."""
        meant = self.meant(slice_node)
        if meant is None:
            return
        plane, wanted = meant

        def gather(review: ReviewSession) -> BoxJob:
            box = box_around(plane, corners)
            return review.jobs.box(wanted or self._segment(review), plane, box)

        self.controller.work(gather, self.scored)

    def point_placed(self, slice_node: vtkMRMLSliceNode, ras: np.ndarray, positive: bool) -> None:
        """A click that refines the slice's last answer."""
        meant = self.meant(slice_node)
        if meant is None:
            return
        plane, wanted = meant

        def gather(review: ReviewSession) -> BoxJob:
            segmenter = review.pipeline.segmenter if review.pipeline is not None else None
            if segmenter is not None and not segmenter.supports_points:
                raise EvanySegError(f"{segmenter.name} takes boxes only; choose another segmenter for points.")
            x, y, _ = plane.to_pixels(ras)[0]
            point = PointPrompt(float(x), float(y), positive)
            return review.jobs.refine(wanted or self._segment(review), plane, [point])

        self.controller.work(gather, self.scored)

    # ---- many slices ------------------------------------------------------------------------------------------

    def propagate(self, slice_node: vtkMRMLSliceNode, direction: str, stop_below: float) -> None:
        """Carry the current segment's mask on this view's slice 'up', 'down' or 'both' ways."""
        meant = self.meant(slice_node)
        if meant is None:
            return
        plane, wanted = meant

        def gather(review: ReviewSession) -> PropagateJob:
            if not wanted:
                raise EvanySegError("There is no mask to propagate yet; draw a box first.")
            return review.jobs.propagate(wanted, plane, direction, stop_below)

        self.controller.work(gather)

    def score_existing(self, plane_name: str, missing: bool = False) -> None:
        """Score every visible segment along one anatomical axis; then look for missing slices, if wanted."""
        axis_of: Callable[[ReviewSession], int] = lambda review: axis_named(review, plane_name)
        cropped = self.controller.session.allow_cropped

        def then(scored: Applied, result: JobResult) -> None:
            def both(applied: Applied, found: JobResult) -> None:  # one must not wipe out what the other said
                text = f"{scored.message} {applied.message}".strip()
                self.controller.view.status(text, problem=bool(result.problem) or not applied.ok)

            if missing and scored.ok:
                self.controller.work(lambda review: review.jobs.missing(axis_of(review), allow_cropped=cropped), both)

        self.controller.work(lambda review: review.jobs.score(axis_of(review), allow_cropped=cropped), then)

    def rescore(self) -> None:
        """Score again what was edited since, axis by axis."""
        review = self.controller.open()
        axes = sorted({r.axis for r in review.table.records() if r.stale}) if review is not None else []
        if not axes:
            self.controller.view.status("Nothing has changed since it was scored.")
            return

        def chain(rest: Sequence[int]) -> None:
            if rest:
                self.controller.work(
                    lambda review: review.jobs.rescore(rest[0], self.controller.session.allow_cropped),
                    lambda applied, result: chain(rest[1:]),
                )

        chain(axes)

    # ---- undo -------------------------------------------------------------------------------------------------

    def undo(self) -> None:
        review = self.controller.open()
        if review is None or not review.history.can_undo:
            self.controller.view.status("Nothing to undo.")
        else:
            self._step(review, review.undo, "Undone.")

    def redo(self) -> None:
        review = self.controller.open()
        if review is None or not review.history.can_redo:
            self.controller.view.status("Nothing to redo.")
        else:
            self._step(review, review.redo, "Redone.")

    def _step(self, review: ReviewSession, step: Callable[[], list[Key]], done: str) -> None:
        if self.controller.busy:
            self.controller.view.status(ONE_THING, problem=True)
            return
        step()
        review.changed([])  # also what has no row: the picture follows the mask
        self.controller.view.status(done)

    # ---- helpers ----------------------------------------------------------------------------------------------

    def meant(self, slice_node: vtkMRMLSliceNode) -> tuple[SlicePlane, str] | None:
        """The slice in view and the chosen segment ('': a new one), as they are now; None when it was said why not."""

        def read(review: ReviewSession) -> tuple[SlicePlane, str]:
            chosen = self.segment_id if self.segment_id and review.store.has(self.segment_id) else ""
            return review.reader.plane_of_view(slice_node), chosen

        return self.controller.now(read)

    def _segment(self, review: ReviewSession) -> str:
        if not self.segment_id or not review.store.has(self.segment_id):
            ids = review.store.ids()
            self.segment_id = ids[0] if ids else review.store.add()
        return self.segment_id

    def scored(self, applied: Applied, result: JobResult) -> None:
        """A box or a point became a mask: it is the last one now, and its neighbours are encoded meanwhile."""
        if not (applied.ok and applied.keys):
            return
        before, plane = self.last_plane, result.outcomes[0].plane
        self.last, self.last_plane = applied.keys[0], plane
        self.controller.view.updated(list(applied.keys))
        if self.controller.review is not None:
            self.prefetcher.fetch(*neighbors(plane, before, self.controller.review.reader.snapshot()))

    def row_in_view(self, slice_node: vtkMRMLSliceNode) -> ScoreRecord | None:
        """The chosen segment's row on the slice that a view shows."""
        review = self.controller.usable
        if review is None or not self.segment_id:
            return None
        try:
            plane = review.reader.plane_of_view(slice_node)
        except EvanySegError:  # the view shows nothing of this volume
            return None
        return review.table.get((self.segment_id, *plane.key))

    def row(self) -> ScoreRecord | None:
        """The row of the last box or point."""
        review = self.controller.usable
        return review.table.get(self.last) if review is not None and self.last is not None else None


def axis_named(review: ReviewSession, plane_name: str) -> int:
    """The voxel axis whose slices are 'axial', 'coronal' or 'sagittal'. Raises GeometryError for other names."""
    name = plane_name.lower()
    if name not in PLANE_NAMES:
        raise GeometryError(f"'{plane_name}' is not one of axial, coronal and sagittal.")
    return anatomical_axes(review.reader.snapshot().ijk_to_ras).index(PLANE_NAMES.index(name))
