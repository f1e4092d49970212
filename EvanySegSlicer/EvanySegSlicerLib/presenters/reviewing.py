"""The review tab: which row the reviewer is on, decisions with their undo, exports. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from evanyseg.errors import EvanySegError
from evanyseg.geometry.slice_plane import SlicePlane

from ..scene.review.queue import Filters, before, counts, next_open, ranked
from ..scene.table.exports import csv_text
from ..scene.table.records import Key, ScoreRecord
from ..scene.table.summaries import SegmentReview, review_summaries
from .review_controller import ReviewController


class ReviewingPresenter:
    """`jump(plane)` brings the views to a slice. Where the reviewer is, and the order, are kept in the session."""

    def __init__(self, controller: ReviewController, jump: Callable[[SlicePlane], None]) -> None:
        self.controller = controller
        self.jump = jump
        self.filters = Filters()

    # ---- what is shown ----------------------------------------------------------------------------------------

    def all_rows(self) -> list[ScoreRecord]:
        review = self.controller.review
        return review.table.records() if review is not None and not review.problem else []

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
        review, key = self.controller.review, self.current
        return review.table.get(key) if review is not None and not review.problem and key is not None else None

    def set_order(self, order: str) -> None:
        if self.controller.node is not None:
            self.controller.node.set("order", order)

    # ---- moving -----------------------------------------------------------------------------------------------

    def go(self, key: Key) -> None:
        """Make this the current row and bring the views there."""
        review, node = self.controller.review, self.controller.node
        if review is None or node is None or review.table.get(key) is None:
            return
        for name, value in zip(("segment", "axis", "index", "geometry"), key, strict=True):
            node.set(f"queue_{name}", value)
        try:
            self.jump(review.reader.snapshot().plane_of_key(*key[1:]))
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
        self._decide("accept")

    def flag(self) -> None:
        self._decide("flag")

    def _decide(self, what: str) -> None:
        row = self._chosen()
        if row is None:
            return
        assert self.controller.review is not None
        decided = {"accept": "accepted", "flag": "flagged"}[what]
        # the same key again takes it back
        action = "clear" if row.decision == decided else what
        getattr(self.controller.review.decisions, action)(row.key)
        self.controller.review.changed([row.key])

    def comment(self, text: str) -> None:
        row = self._chosen()
        if row is not None and self.controller.review is not None and text.strip() != row.comment:
            self.controller.review.decisions.comment(row.key, text)
            self.controller.review.changed([row.key])

    def undo(self) -> None:
        """Take the last decision or comment back."""
        review = self.controller.review
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
        """Every row, in the order chosen; returns how many. Raises EvanySegError when it cannot be written."""
        from .report import write_whole

        rows = ranked(self.all_rows(), self.controller.session.order, Filters())
        write_whole(path, csv_text(rows), "utf-8-sig")
        return len(rows)

    def export_html(self, path: Path) -> int:
        """One self-contained page; returns how many rows it has. Raises EvanySegError."""
        from .report import review_page, write_whole

        review = self.controller.review
        rows = ranked(self.all_rows(), self.controller.session.order, Filters())
        if review is None or not rows:
            raise EvanySegError("There is nothing to report yet: score a slice first.")
        write_whole(path, review_page(review, rows))
        return len(rows)
