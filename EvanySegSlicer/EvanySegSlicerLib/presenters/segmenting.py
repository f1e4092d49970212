"""The segment tab: boxes and points on a slice view, propagation, scoring of what is there already. No Qt."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from evanyseg.bands import BAND_COLORS, QualityBand
from evanyseg.errors import EvanySegError, GeometryError
from evanyseg.geometry.anatomy import PLANE_NAMES, anatomical_axes
from evanyseg.geometry.boxes import box_around
from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.prompts import PointPrompt

from ..scene.jobs.result import JobResult
from ..scene.review.session import Applied, ReviewSession
from ..scene.table.records import Key, ScoreRecord
from .prefetch import Prefetcher, neighbours
from .review_controller import ReviewController


class SegmentingPresenter:
    """`segment_id` is the segment that boxes go to; empty: a new one is made with the first box."""

    def __init__(self, controller: ReviewController) -> None:
        self.controller = controller
        self.segment_id = ""
        self.last: Key | None = None
        self.last_plane: SlicePlane | None = None
        self.maps = False
        self.prefetcher = Prefetcher(controller)

    # ---- prompts ----------------------------------------------------------------------------------------------

    def prefetch(self, slice_node: Any) -> None:
        """The user has begun to draw here: encode the slice meanwhile, so that the mask comes at once on release."""
        if self.controller.review is None:
            return
        try:
            plane = self.controller.review.reader.plane_of_view(slice_node)
        except EvanySegError:
            return  # said when the box is released
        self.prefetcher.fetch(plane)

    def box_drawn(self, slice_node: Any, corners: np.ndarray) -> None:
        """corners [4, 3] RAS of the rectangle drawn on a view: segment, score and colour that slice."""
        meant = self._meant(slice_node)
        if meant is None:
            return
        plane, wanted = meant

        def gather(review: ReviewSession) -> Any:
            box = box_around(plane, corners)
            return review.jobs.box(wanted or self._segment(review), plane, box, maps=self.maps)

        self.controller.work(gather, self._scored)

    def point_placed(self, slice_node: Any, ras: np.ndarray, positive: bool) -> None:
        """A click that refines the slice's last answer."""
        meant = self._meant(slice_node)
        if meant is None:
            return
        plane, wanted = meant

        def gather(review: ReviewSession) -> Any:
            segmenter = review.pipeline.segmenter if review.pipeline is not None else None
            if segmenter is not None and not segmenter.supports_points:
                raise EvanySegError(f"{segmenter.name} takes boxes only; choose another segmenter for points.")
            x, y, _ = plane.to_pixels(ras)[0]
            point = PointPrompt(float(x), float(y), positive)
            return review.jobs.refine(wanted or self._segment(review), plane, [point], maps=self.maps)

        self.controller.work(gather, self._scored)

    # ---- many slices ------------------------------------------------------------------------------------------

    def propagate(self, slice_node: Any, direction: str, stop_below: float) -> None:
        """Carry the current segment's mask on this view's slice 'up', 'down' or 'both' ways."""
        meant = self._meant(slice_node)
        if meant is None:
            return
        plane, wanted = meant

        def gather(review: ReviewSession) -> Any:
            if not wanted:
                raise EvanySegError("There is no mask to propagate yet; draw a box first.")
            return review.jobs.propagate(wanted, plane, direction, stop_below)

        self.controller.work(gather)

    def score_existing(self, plane_name: str, missing: bool = False) -> None:
        """Score every visible segment along one anatomical axis; then look for missing slices, if wanted."""
        axis_of = lambda review: axis_named(review, plane_name)
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
        self._history("undo", "Nothing to undo.")

    def redo(self) -> None:
        self._history("redo", "Nothing to redo.")

    def _history(self, what: str, nothing: str) -> None:
        review = self.controller.open()
        possible = review is not None and getattr(review.history, f"can_{what}")
        if review is None or not possible:
            self.controller.view.status(nothing)
            return
        if self.controller.busy:
            self.controller.view.status("One thing at a time: wait, or press Cancel.", problem=True)
            return
        getattr(review, what)()
        review.changed([])  # also what has no row: the picture follows the mask
        self.controller.view.status("Undone." if what == "undo" else "Redone.")

    # ---- helpers ----------------------------------------------------------------------------------------------

    def _meant(self, slice_node: Any) -> tuple[SlicePlane, str] | None:
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

    def _scored(self, applied: Applied, result: JobResult) -> None:
        if not (applied.ok and applied.keys):
            return
        before, plane = self.last_plane, result.outcomes[0].plane
        self.last, self.last_plane = applied.keys[0], plane
        self.controller.view.updated(list(applied.keys))
        if self.controller.review is not None:
            self.prefetcher.fetch(*neighbours(plane, before, self.controller.review.reader.snapshot()))

    def row_in_view(self, slice_node: Any) -> ScoreRecord | None:
        """The chosen segment's row on the slice that a view shows."""
        review = self.controller.review
        if review is None or review.problem or not self.segment_id:
            return None
        try:
            plane = review.reader.plane_of_view(slice_node)
        except EvanySegError:  # the view shows nothing of this volume
            return None
        return review.table.get((self.segment_id, *plane.key))

    def row(self) -> ScoreRecord | None:
        """The row of the last box or point."""
        review = self.controller.review
        if review is None or review.problem or self.last is None:
            return None
        return review.table.get(self.last)


def axis_named(review: ReviewSession, plane_name: str) -> int:
    """The voxel axis whose slices are 'axial', 'coronal' or 'sagittal'. Raises GeometryError for other names."""
    name = plane_name.lower()
    if name not in PLANE_NAMES:
        raise GeometryError(f"'{plane_name}' is not one of axial, coronal and sagittal.")
    return anatomical_axes(review.reader.snapshot().ijk_to_ras).index(PLANE_NAMES.index(name))


def result_text(row: ScoreRecord | None) -> str:
    """'Liver 0.62 POOR [0.48-0.74]', with the band as a coloured word, as rich text; empty without a row."""
    if row is None:
        return ""
    color = "#{:02x}{:02x}{:02x}".format(*(round(255 * c) for c in BAND_COLORS[QualityBand(row.band)]))
    name = html.escape(row.segment)
    place = f"{row.plane} {row.index}"
    if math.isnan(row.dice):
        why = html.escape(row.caveats) or "no reason given"
        return f"<b>{name}</b> ({place}): <b>unscored</b><br/>{why}"
    interval = f" [{row.low:.2f}-{row.high:.2f}]" if not math.isnan(row.low) else ""
    text = (
        f"<b>{name}</b> ({place}): <span style='font-size:14pt'><b>{row.dice:.2f}</b></span> "
        f"<span style='background-color:{color}; color:{_readable(row.band)}'>"
        f"&nbsp;<b>{row.band.upper()}</b>&nbsp;</span>"
        f"{interval}"
    )
    return text + (f"<br/>{html.escape(row.caveats)}" if row.caveats else "")


def _readable(band: str) -> str:
    red, green, blue = BAND_COLORS[QualityBand(band)]
    return "black" if 0.3 * red + 0.59 * green + 0.11 * blue > 0.45 else "white"
