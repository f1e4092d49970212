"""Gathering: everything a job needs, taken from the scene on the main thread as arrays."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evanyseg.bands import BandThresholds
from evanyseg.errors import EvanySegError, GeometryError
from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.prompts import BoxPrompt, PointPrompt
from evanyseg.scoring.missing_slices import MissingSliceDetector

from ..nodes.segment_store import SegmentStore
from ..nodes.volume_reader import VolumeReader
from ..review.mask_history import MaskHistory
from ..table.records import MISSING, Key
from ..table.score_table import ScoreTable
from .slice_jobs import BoxJob, JobResult, MissingJob, PropagateJob, ScoreJob

DIRECTIONS = {"up": (1,), "down": (-1,), "both": (1, -1)}
_REMEMBERED_PROMPTS = 8


@dataclass(frozen=True)
class _Prompt:
    content: str
    box: BoxPrompt | None
    points: tuple[PointPrompt, ...]
    low_resolution: np.ndarray


class JobMaker:
    """Makes jobs for one volume and one segmentation; remembers the last prompts, so that points can refine them."""

    def __init__(
        self,
        volume: Any,
        segmentation: Any,
        table: ScoreTable,
        pipeline: SlicePipeline | None = None,
        history: MaskHistory | None = None,
        preset: str = "",
        respect_masking: bool = False,
    ) -> None:
        """`history`: of the desktop's segment editor, or None for an own one; `respect_masking`: edits obey that
        editor's settings. Raises ImageError, GeometryError for a volume that cannot be used."""
        self.reader = VolumeReader(volume, preset)
        self.reader.snapshot()
        self.segmentation = segmentation
        self.table = table
        self.pipeline = pipeline
        self.history = history or MaskHistory.create(segmentation, volume)
        self.store = SegmentStore(segmentation, self.history if respect_masking else None)
        self._prompts: OrderedDict[Key, _Prompt] = OrderedDict()

    @property
    def volume(self) -> Any:
        return self.reader.volume

    @property
    def thresholds(self) -> BandThresholds:
        return self.table.thresholds

    @property
    def problem(self) -> str:
        """Empty, or why this review cannot go on: a node is gone."""
        for node, what in ((self.volume, "volume"), (self.segmentation, "segmentation"), (self.table.node, "table")):
            if node.GetScene() is None:
                return f"The {what} was removed from the scene; the result was dropped."
        return ""

    def box_job(
        self,
        segment_id: str,
        plane: SlicePlane,
        box: BoxPrompt | None = None,
        points: Sequence[PointPrompt] = (),
        maps: bool = False,
        pipeline: SlicePipeline | None = None,
    ) -> BoxJob:
        """Segment `plane` from a box and/or points in its pixels; `pipeline`: another model than the session's.

        Raises PromptError, GeometryError, EvanySegError without a model.
        """
        self._check()
        self.check_place(plane)
        if box is not None:
            box = box.validated(plane.shape)
        points = [p.validated(plane.shape) for p in points]
        if box is None and not points:
            raise EvanySegError("Draw a box or place a point first.")
        return BoxJob(
            self.reader.snapshot(),
            self._pipeline(pipeline),
            plane,
            segment_id,
            self._grid(segment_id),
            box,
            points,
            maps=maps,
        )

    def refine_job(
        self, segment_id: str, plane: SlicePlane, points: Sequence[PointPrompt], maps: bool = False
    ) -> BoxJob:
        """Add points to the last prompt of this slice; the last answer is refined as long as it is unchanged."""
        last = self._prompts.get((segment_id, *plane.key))
        row = self.table.get((segment_id, *plane.key))
        if last is not None and row is not None and row.content_hash == last.content and not row.stale:
            job = self.box_job(segment_id, plane, last.box, [*last.points, *points], maps)
            return replace(job, mask_input=last.low_resolution)
        return self.box_job(segment_id, plane, row.box_prompt if row is not None else None, points, maps)

    def propagate_job(
        self, segment_id: str, plane: SlicePlane, direction: str = "both", stop_below: float = 0.5, limit: int = 10_000
    ) -> PropagateJob:
        """direction: 'up' (towards higher slice numbers), 'down' or 'both'. Raises EvanySegError for an empty slice."""
        self._check()
        if plane.oblique:
            raise GeometryError(
                "An oblique slice has no neighbours to propagate to; rotate the view to the volume plane."
            )
        self.check_place(plane)
        mask = self.store.mask(segment_id, plane)
        if not mask.any():
            raise EvanySegError(f"'{self.store.name(segment_id)}' has no mask on this slice; draw a box first.")
        return PropagateJob(
            self.reader.snapshot(),
            self._pipeline(),
            plane,
            segment_id,
            self._grid(segment_id),
            mask.copy(),
            DIRECTIONS[direction],
            stop_below,
            limit,
        )

    def score_job(
        self,
        axis: int,
        segment_ids: Sequence[str] | None = None,
        only: Sequence[Key] | None = None,
        again: bool = False,
        allow_cropped: bool = False,
    ) -> ScoreJob:
        """Score slices of existing segments (default: the visible ones) along voxel axis `axis`; unchanged slices that
        have a score are left out unless `again`. Segments of which the volume does not show a hundredth are refused
        unless `allow_cropped`."""
        self._check()
        ids = self._ids(segment_ids)
        rows = [r for r in self.table.records(axis=axis) if r.segment_id in ids and r.kind != MISSING]
        pipeline = self._pipeline()
        return ScoreJob(
            self.reader.snapshot(),
            pipeline,
            axis,
            self.store.snapshot(ids),
            {}
            if again
            else {r.key: r.content_hash for r in rows if r.scored and r.estimator == pipeline.estimator.name},
            {r.key: (r.content_hash, r.box_prompt) for r in rows if r.box_prompt is not None},
            frozenset(only) if only is not None else None,
            {i: self.store.name(i) for i in ids},
            allow_cropped,
        )

    def rescore_job(self, axis: int, allow_cropped: bool = False) -> ScoreJob:
        """Only the stale rows along one axis."""
        stale = [r.key for r in self.table.records(axis=axis) if r.stale]
        ids = [i for i in self.store.ids() if i in {key[0] for key in stale}]
        return self.score_job(axis, ids, stale, allow_cropped=allow_cropped)

    def missing_job(
        self, axis: int, segment_ids: Sequence[str] | None = None, allow_cropped: bool = False
    ) -> MissingJob:
        """Judge gaps inside segments and the slice beyond each end; slices judged before are left out."""
        self._check()
        known = {r.key: r.content_hash for r in self.table.records(axis=axis) if r.kind == MISSING}
        ids = self._ids(segment_ids)
        judge = MissingSliceDetector(self._pipeline())
        return MissingJob(self.reader.snapshot(), judge, axis, self.store.snapshot(ids), known, allow_cropped)

    def check_place(self, plane: SlicePlane) -> None:
        """Raises GeometryError for a slice that was looked at before the volume was moved: pixels of it would be
        written elsewhere."""
        if not plane.oblique:
            now = self.reader.plane(plane.axis, plane.index)
            if now.shape != plane.shape or not np.allclose(now.pixel_to_ras, plane.pixel_to_ras, atol=1e-6):
                raise GeometryError(
                    f"'{self.volume.GetName()}' was moved by a transform meanwhile; draw the box again."
                )

    def _check(self) -> None:
        if self.problem:
            raise EvanySegError(self.problem.replace("; the result was dropped", "; choose another one"))

    def _pipeline(self, pipeline: SlicePipeline | None = None) -> SlicePipeline:
        chosen = pipeline or self.pipeline
        if chosen is None:
            raise EvanySegError("No model is loaded; choose a segmenter and an estimator first.")
        return chosen

    def _grid(self, segment_id: str) -> np.ndarray:
        return self.store.grid_to_ras(segment_id, self.volume)

    def _ids(self, segment_ids: Sequence[str] | None) -> list[str]:
        return list(segment_ids) if segment_ids is not None else self.store.ids(visible_only=True)

    def remember_prompt(self, result: JobResult) -> None:
        """What `refine_job` builds on, once a box job's result is applied."""
        if result.prompted is None or len(result.scores) != 1:
            return
        score, answer = result.scores[0], result.prompted
        low = answer.candidates.low_resolution_logits[answer.chosen]
        self._prompts[score.key] = _Prompt(score.content, answer.box, tuple(result.points), low)
        self._prompts.move_to_end(score.key)
        while len(self._prompts) > _REMEMBERED_PROMPTS:
            self._prompts.popitem(last=False)
