"""The review tab: which row the reviewer is on, decisions with their undo, exports. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from evanyseg.errors import EvanySegError
from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.io.write import write_text

from ..scene.review.queue import Filters, before, counts, next_open, ranked
from ..scene.table.exports import csv_text
from ..scene.table.records import ACCEPTED, FLAGGED, Key, ScoreRecord
from ..scene.table.summaries import SegmentReview, review_summaries
from .report import review_page
from .review_controller import ReviewController


class ReviewingPresenter:
    """`jump(plane)` brings the views to a slice. Where the reviewer is, and the order, are kept in the session."""

    def __init__(self, controller: ReviewController, jump: Callable[[SlicePlane], None]) -> None:
        self.controller = controller
        self.jump = jump
        self.filters = Filters()
        self.decided: Callable[[], None] = lambda: None
        """Told after a decision."""

    # ---- what is shown ----------------------------------------------------------------------------------------

    def all_rows(self) -> list[ScoreRecord]:
        review = self.controller.usable
        return review.table.records() if review is not None else []

    def rows(self) -> list[ScoreRecord]:
        """The rows that pass the filters, in the order chosen."""
        session = self.controller.session
        filters = replace(self.filters, min_area_mm2=session.min_area_mm2)
        return ranked(self.all_rows(), session.order, filters)

    def counts(self) -> str:
        rows = self.all_rows()
        return counts(rows) if rows else "Nothing is scored yet."

    def summaries(self) -> list[SegmentReview]:
        review = self.controller.review
        return review_summaries(self.all_rows(), review.thresholds) if review is not None else []

    @property
    def current(self) -> Key | None:
        """The row the reviewer is on; survives save and load."""
        session = self.controller.session
        if session.queue_index < 0 or not session.queue_segment:
            return None
        return session.queue_segment, session.queue_axis, session.queue_index, session.queue_geometry

    def current_row(self) -> ScoreRecord | None:
        review, key = self.controller.usable, self.current
        return review.table.get(key) if review is not None and key is not None else None

    def set_order(self, order: str) -> None:
        if self.controller.node is not None:
            self.controller.node.set("order", order)

    # ---- moving -----------------------------------------------------------------------------------------------

    def go(self, key: Key) -> None:
        """Make this the current row and bring the views there."""
        review, node = self.controller.usable, self.controller.node
        if review is None or node is None or review.table.get(key) is None:
            return
        segment_id, axis, index, geometry = key
        node.set("queue_segment", segment_id)
        node.set("queue_axis", axis)
        node.set("queue_index", index)
        node.set("queue_geometry", geometry)
        try:
            self.jump(review.reader.snapshot().plane_of_key(axis, index, geometry))
        except EvanySegError as error:
            self.controller.view.status(str(error), problem=True)
        self.controller.view.updated([key])

    def next(self) -> None:
        """The next row in order that nobody has decided."""
        key = next_open(self.rows(), self.current)
        if key is not None:
            self.go(key)
        elif not self.all_rows():
            self.controller.view.status("Nothing is scored yet: draw a box, or score a segmentation.")
        else:
            self.controller.view.status("Every slice shown here has been reviewed.")

    def previous(self) -> None:
        key = before(self.rows(), self.current)
        if key is not None:
            self.go(key)

    # ---- deciding ---------------------------------------------------------------------------------------------

    def accept(self) -> None:
        """The current row is right; a second time takes it back."""
        self._decide(ACCEPTED)

    def flag(self) -> None:
        """The current row needs work; a second time takes it back."""
        self._decide(FLAGGED)

    def _decide(self, decision: str) -> None:
        review, row = self.controller.usable, self._chosen()
        if review is None or row is None:
            return
        review.decisions.reviewer = self.controller.session.reviewer.strip()
        review.decisions.decide("" if row.decision == decision else decision, row.key)
        review.changed([row.key])
        self.decided()

    def comment(self, text: str) -> None:
        review, row = self.controller.usable, self._chosen()
        if review is not None and row is not None and text.strip() != row.comment:
            review.decisions.comment(row.key, text)
            review.changed([row.key])

    def undo(self) -> None:
        """Take the last decision or comment back."""
        review = self.controller.usable
        if review is None or not review.decisions.can_undo:
            self.controller.view.status("No decision to undo.")
            return
        review.changed(review.decisions.undo())

    def _chosen(self) -> ScoreRecord | None:
        row = self.current_row()
        if row is None:
            self.controller.view.status("Choose a slice first: N goes to the worst one.")
        return row

    # ---- exporting --------------------------------------------------------------------------------------------

    def export_csv(self, path: Path) -> int:
        """Every row, in the order chosen; returns how many. Raises OutputError when it cannot be written."""
        rows = ranked(self.all_rows(), self.controller.session.order)
        write_text(path, csv_text(rows), "utf-8-sig")  # with a mark, or Excel takes it for Latin-1
        return len(rows)

    def export_html(self, path: Path) -> int:
        """One self-contained page; returns how many rows it has. Raises EvanySegError, OutputError."""
        review = self.controller.usable
        rows = ranked(self.all_rows(), self.controller.session.order)
        if review is None or not rows:
            raise EvanySegError("There is nothing to report yet: score a slice first.")
        write_text(path, review_page(review, rows))
        return len(rows)
