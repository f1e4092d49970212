"""One review: a volume, a segmentation, its score table and the models that assess it.

Every action has three parts, so that a worker thread can do the long one: `jobs.box`, `jobs.score`, ... gather arrays
on the main thread, `job.run` computes without the scene, `apply` writes on the main thread (masks, rows, overlay) or
says why it cannot.
`segment_box`, `propagate`, ... do all three at once.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.bands import BandThresholds
from evanyseg.errors import EvanySegError
from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.prompts import BoxPrompt, PointPrompt
from evanyseg.protocols import Progress, ShouldCancel, never_cancel, no_progress

from ..jobs.job_factory import JobFactory
from ..jobs.result import JobResult
from ..jobs.review_nodes import ReviewNodes
from ..nodes.segment_store import SegmentStore
from ..nodes.volume_reader import VolumeReader
from ..overlay.quality_overlay import QualityOverlay
from ..table.outcomes import SliceOutcome
from ..table.records import MISSING, Key, ScoreRecord
from ..table.score_table import ScoreTable
from ..table.staleness import refresh_steps
from .corrections import Corrections
from .decisions import DecisionLog
from .mask_history import EditHistory

if TYPE_CHECKING:
    from slicer import vtkMRMLSegmentationNode, vtkMRMLVolumeNode

APPLY_STEP = 8
"""Slices written between two breaths of the main thread."""


@dataclass(frozen=True)
class Applied:
    """What `apply` did: keys of the rows written, or `ok` False and the reason why nothing was."""

    keys: tuple[Key, ...] = ()
    message: str = ""
    ok: bool = True


class ReviewSession:
    """Ties nodes, jobs, undo, overlay and decisions together; all state is in the scene. `open_review` makes one.

    listeners: called with the changed keys after every change of rows or masks made here.
    """

    def __init__(
        self, nodes: ReviewNodes, history: EditHistory, overlay: QualityOverlay, pipeline: SlicePipeline | None = None
    ) -> None:
        self.nodes = nodes
        self.history = history
        self.overlay = overlay
        self.jobs = JobFactory(nodes, pipeline)
        self.corrections = Corrections(nodes)
        self.decisions = DecisionLog(nodes.table, self.corrections.content)
        self.listeners: list[Callable[[list[Key]], None]] = []

    def through(self, history: EditHistory) -> ReviewSession:
        """The same review writing through another editor: its undo, and its masking settings."""
        store = SegmentStore(self.segmentation, history)
        other = ReviewSession(replace(self.nodes, store=store), history, self.overlay, self.pipeline)
        other.listeners = self.listeners
        other.jobs.learned = self.jobs.learned
        other.decisions.reviewer = self.decisions.reviewer
        return other

    @property
    def reader(self) -> VolumeReader:
        return self.nodes.reader

    @property
    def store(self) -> SegmentStore:
        return self.nodes.store

    @property
    def table(self) -> ScoreTable:
        return self.nodes.table

    @property
    def volume(self) -> vtkMRMLVolumeNode:
        return self.nodes.volume

    @property
    def segmentation(self) -> vtkMRMLSegmentationNode:
        return self.nodes.segmentation

    @property
    def thresholds(self) -> BandThresholds:
        return self.nodes.thresholds

    @property
    def problem(self) -> str:
        """Empty, or why this review cannot go on: a node is gone."""
        return self.nodes.problem

    @property
    def pipeline(self) -> SlicePipeline | None:
        """The models in use; None until they are loaded."""
        return self.jobs.pipeline

    @pipeline.setter
    def pipeline(self, pipeline: SlicePipeline | None) -> None:
        self.jobs.pipeline = pipeline

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
        outcomes = [o for o in result.outcomes if not self.problem and self.store.has(o.segment_id)]
        if self.problem or (result.outcomes and not outcomes):
            return Applied(message=f"{self.problem or 'The segment was removed'}; the result was dropped.", ok=False)
        writes = [o for o in outcomes if o.write is not None]
        keys: list[Key] = []
        dropped = 0
        try:
            if writes:
                self.history.save()
            for start in range(0, len(outcomes), APPLY_STEP):
                part = outcomes[start : start + APPLY_STEP]
                part = [o for o in part if self.store.has(o.segment_id)]
                rows = [self._applied(o) for o in part]
                kept = [r for r in rows if r is not None]
                dropped += len(rows) - len(kept)
                self.table.put(*kept)
                self.corrections.remember([o for o, r in zip(part, rows, strict=True) if r is not None])
                self.table.set_stale([r.key for r in kept if r.stale])
                keys += [r.key for r in kept]
                self.changed([r.key for r in kept])
                yield
                if self.problem:
                    return Applied(tuple(keys), f"{self.problem}; the rest of the result was dropped.", ok=False)
        except EvanySegError as error:
            if writes:
                self.undo()
            return Applied(message=str(error), ok=False)
        self.jobs.remember_prompt(result)
        # an edit along one axis crosses the slices of the others
        edited = {(o.segment_id, o.plane.axis) for o in writes}
        crossed = [r.key for r in self.table.records() if any(r.segment_id == s and r.axis != a for s, a in edited)]
        for _ in self.refresh_steps(crossed) if crossed else ():
            yield
        message = f"{dropped} slices changed meanwhile and keep their old state." if dropped else result.message
        if result.problem:
            return Applied(tuple(keys), f"{message} {result.problem}".strip(), ok=bool(message))
        return Applied(tuple(keys), message)

    def _applied(self, outcome: SliceOutcome) -> ScoreRecord | None:
        """The row of one outcome, its mask written; None when the slice was edited while it was being assessed."""
        if outcome.write is not None:
            self.store.write(outcome.segment_id, outcome.plane, outcome.write, self.volume)
        held = self.store.mask(outcome.segment_id, outcome.plane)
        assessed = np.zeros_like(held) if outcome.kind == MISSING else outcome.mask
        same = np.array_equal(held, assessed)
        if not same and outcome.write is None:
            return None
        row = self.corrections.marked(outcome.record(self.store.name(outcome.segment_id), self.thresholds), outcome)
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
        return self.apply(self.jobs.box(segment_id, plane, box, points, maps).run(no_progress, should_cancel))

    def refine(self, segment_id: str, plane: SlicePlane, points: Sequence[PointPrompt]) -> Applied:
        return self.apply(self.jobs.refine(segment_id, plane, points).run())

    def propagate(
        self,
        segment_id: str,
        plane: SlicePlane,
        direction: str = "both",
        stop_below: float = 0.5,
        progress: Progress = no_progress,
        should_cancel: ShouldCancel = never_cancel,
    ) -> Applied:
        return self.apply(self.jobs.propagate(segment_id, plane, direction, stop_below).run(progress, should_cancel))

    def score_existing(
        self,
        axis: int,
        segment_ids: Sequence[str] | None = None,
        progress: Progress = no_progress,
        should_cancel: ShouldCancel = never_cancel,
        allow_cropped: bool = False,
    ) -> Applied:
        return self.apply(self.jobs.score(axis, segment_ids, allow_cropped=allow_cropped).run(progress, should_cancel))

    def find_missing(
        self,
        axis: int,
        segment_ids: Sequence[str] | None = None,
        progress: Progress = no_progress,
        should_cancel: ShouldCancel = never_cancel,
        allow_cropped: bool = False,
    ) -> Applied:
        return self.apply(
            self.jobs.missing(axis, segment_ids, allow_cropped=allow_cropped).run(progress, should_cancel)
        )

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
        for _ in self.overlay.sync_steps():
            yield []
            if self.problem:
                return
        if surfaces:
            self.store.flush_surfaces()

    def changed(self, keys: list[Key]) -> None:
        """Tell the overlay and the listeners that rows or masks of these keys changed."""
        self.overlay.update(keys)
        for listener in list(self.listeners):
            listener(keys)
