"""One review: a volume, a segmentation, its score table and the models that judge it.

Every action has three parts, so that a worker thread can do the long one: `..._job` gathers arrays on the main thread,
`job.run` computes without the scene, `apply` writes on the main thread (masks, rows, overlay) or says why it cannot.
`segment_box`, `propagate`, ... do all three at once.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evanyseg.errors import EvanySegError
from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.prompts import BoxPrompt, PointPrompt
from evanyseg.protocols import Progress, ShouldCancel, never_cancel, no_progress

from ..jobs.job_maker import JobMaker
from ..jobs.slice_jobs import JobResult, SliceScore
from ..overlay.quality_overlay import QualityOverlay
from ..table.records import MISSING, Key, ScoreRecord, record_of
from ..table.score_table import ScoreTable
from ..table.staleness import refresh_steps
from .decisions import DecisionLog
from .mask_history import MaskHistory
from .queue import Filters, neighbour, ranked

APPLY_STEP = 8
"""Slices written between two breaths of the main thread."""


@dataclass(frozen=True)
class Applied:
    """What `apply` did: keys of the rows written, or `ok` False and the reason why nothing was."""

    keys: tuple[Key, ...] = ()
    message: str = ""
    ok: bool = True


class ReviewSession(JobMaker):
    """Ties nodes, table, undo, overlay and models together; all state is in the scene.

    listeners: called with the changed keys after every change of rows or masks made here.
    """

    def __init__(
        self,
        volume: Any,
        segmentation: Any,
        table: ScoreTable,
        pipeline: SlicePipeline | None = None,
        history: MaskHistory | None = None,
        overlay: QualityOverlay | None = None,
        preset: str = "",
        respect_masking: bool = False,
    ) -> None:
        """As `JobMaker`, with the overlay to keep up to date. Raises ImageError, GeometryError."""
        super().__init__(volume, segmentation, table, pipeline, history, preset, respect_masking)
        self.overlay = overlay
        self.decisions = DecisionLog(table)
        self.listeners: list[Callable[[list[Key]], None]] = []

    # ---- apply ------------------------------------------------------------------------------------------------

    def apply(self, result: JobResult) -> Applied:
        """Write a job's masks (one undo step) and rows. Never raises for a scene that changed meanwhile: says so."""
        steps = self.apply_steps(result)
        while True:
            try:
                next(steps)
            except StopIteration as done:
                return done.value

    def apply_steps(self, result: JobResult) -> Generator[None, None, Applied]:
        """The same a few slices at a time (about 15 ms), for front ends that must not stop; the generator's return
        value is what `apply` returns."""
        scores = [s for s in result.scores if not self.problem and self.store.has(s.segment_id)]
        if self.problem or (result.scores and not scores):
            return Applied(message=self.problem or "The segment was removed; the result was dropped.", ok=False)
        writes = [s for s in scores if s.write is not None]
        keys: list[Key] = []
        dropped = 0
        try:
            if writes:
                self.history.save()
            for start in range(0, len(scores), APPLY_STEP):
                rows = [self._applied(s) for s in scores[start : start + APPLY_STEP] if self.store.has(s.segment_id)]
                kept = [r for r in rows if r is not None]
                dropped += len(rows) - len(kept)
                self.table.put(*kept)
                self.table.set_stale([r.key for r in kept if r.stale])
                keys += [r.key for r in kept]
                self.changed([r.key for r in kept])
                yield
                if self.problem:
                    return Applied(tuple(keys), self.problem, ok=False)
        except EvanySegError as error:
            if writes:
                self.undo()
            return Applied(message=str(error), ok=False)
        self.remember_prompt(result)
        # an edit along one axis crosses the slices of the others
        edited = {(s.segment_id, s.plane.axis) for s in writes}
        crossed = [r.key for r in self.table.records() if any(r.segment_id == s and r.axis != a for s, a in edited)]
        for _ in self.refresh_steps(crossed) if crossed else ():
            yield
        message = f"{dropped} slices changed meanwhile and keep their old state." if dropped else result.message
        if result.problem:
            return Applied(tuple(keys), f"{message} {result.problem}".strip(), ok=bool(message))
        return Applied(tuple(keys), message)

    def _applied(self, score: SliceScore) -> ScoreRecord | None:
        """The row of one score, its mask written; None when the slice was edited while it was being judged."""
        if score.write is not None:
            self.store.write(score.segment_id, score.plane, score.write, self.volume)
        held = self.store.mask(score.segment_id, score.plane)
        judged = np.zeros_like(held) if score.kind == MISSING else score.mask
        same = np.array_equal(held, judged)
        if not same and score.write is None:
            return None
        row = record_of(
            score.segment_id,
            self.store.name(score.segment_id),
            score.plane,
            score.mask,
            score.estimate,
            self.thresholds,
            score.content,
            score.window,
            score.box,
            score.segmenter,
            score.kind,
        )
        return row if same else replace(row, stale=1)  # masking settings kept part of the answer out

    # ---- all three parts at once ------------------------------------------------------------------------------

    def segment_box(
        self,
        segment_id: str,
        plane: SlicePlane,
        box: BoxPrompt | None = None,
        points: Sequence[PointPrompt] = (),
        maps: bool = False,
        should_cancel: ShouldCancel = never_cancel,
    ) -> Applied:
        """Raises PromptError, GeometryError, CancelledError."""
        return self.apply(self.box_job(segment_id, plane, box, points, maps).run(no_progress, should_cancel))

    def refine(self, segment_id: str, plane: SlicePlane, points: Sequence[PointPrompt]) -> Applied:
        return self.apply(self.refine_job(segment_id, plane, points).run())

    def propagate(
        self,
        segment_id: str,
        plane: SlicePlane,
        direction: str = "both",
        stop_below: float = 0.5,
        progress: Progress = no_progress,
        should_cancel: ShouldCancel = never_cancel,
    ) -> Applied:
        return self.apply(self.propagate_job(segment_id, plane, direction, stop_below).run(progress, should_cancel))

    def score_existing(
        self,
        axis: int,
        segment_ids: Sequence[str] | None = None,
        progress: Progress = no_progress,
        should_cancel: ShouldCancel = never_cancel,
        allow_cropped: bool = False,
    ) -> Applied:
        return self.apply(self.score_job(axis, segment_ids, allow_cropped=allow_cropped).run(progress, should_cancel))

    def judge_missing(
        self,
        axis: int,
        segment_ids: Sequence[str] | None = None,
        progress: Progress = no_progress,
        should_cancel: ShouldCancel = never_cancel,
        allow_cropped: bool = False,
    ) -> Applied:
        return self.apply(self.missing_job(axis, segment_ids, allow_cropped=allow_cropped).run(progress, should_cancel))

    # ---- the queue ---------------------------------------------------------------------------------------------

    def next_worst(
        self, current: Key | None = None, order: str = "wrong area", filters: Filters | None = None, step: int = 1
    ) -> ScoreRecord | None:
        """The row to look at after `current` (None: the worst), round the end; step -1: the one before. None when no
        row passes the filters."""
        return neighbour(ranked(self.table.records(), order, filters), current, step)

    # ---- undo and staleness -----------------------------------------------------------------------------------

    def undo(self) -> list[Key]:
        """Take the last mask edit back; scores follow the masks. Returns the rows that changed."""
        return self._stepped(self.history.undo)

    def redo(self) -> list[Key]:
        return self._stepped(self.history.redo)

    def _stepped(self, step: Callable[[], bool]) -> list[Key]:
        if self.problem or not step():
            return []
        self.store.expect_surfaces()
        return self.refresh()

    def refresh(self, keys: Sequence[Key] | None = None) -> list[Key]:
        """Bring rows in line with masks edited elsewhere; returns the rows that changed."""
        return [key for changed in self.refresh_steps(keys, surfaces=False) for key in changed]

    def refresh_steps(self, keys: Sequence[Key] | None = None, surfaces: bool = True) -> Iterator[list[Key]]:
        """The same a few slices at a time, for idle timers; `surfaces`: when all is looked at, also renew the 3D
        surfaces that edits left behind (one long step on large volumes)."""
        if self.problem:
            return
        for changed in refresh_steps(self.table, self.store, self.reader.snapshot(), keys):
            if changed:
                self.changed(changed)
            yield changed
            if self.problem:
                return
        if keys is not None:
            return
        for _ in self.overlay.sync_steps() if self.overlay is not None else ():
            yield []
            if self.problem:
                return
        if surfaces:
            self.store.flush_surfaces()

    def changed(self, keys: list[Key]) -> None:
        """Tell the overlay and the listeners that rows or masks of these keys changed."""
        if self.overlay is not None:
            self.overlay.update(keys)
        for listener in list(self.listeners):
            listener(keys)
