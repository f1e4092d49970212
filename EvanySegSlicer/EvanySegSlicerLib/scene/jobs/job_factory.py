"""Gathering: everything a job needs, taken from the scene on the main thread as arrays."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evanyseg.errors import EvanySegError, GeometryError
from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.prompts import BoxPrompt, PointPrompt
from evanyseg.protocols import QualityEstimator
from evanyseg.scoring.missing_slices import MissingSliceDetector
from evanyseg.segmenters.clicking import check_clicks

from ..nodes.doubts import doubts_of
from ..nodes.labels import labels_of
from ..table.records import MISSING, Key
from .click_job import ClickJob
from .missing_job import MissingJob
from .prompt_jobs import BoxJob, PropagateJob
from .result import JobResult
from .review_nodes import ReviewNodes
from .score_job import ScoreJob

DIRECTIONS = {"up": (1,), "down": (-1,), "both": (1, -1)}
_REMEMBERED_PROMPTS = 8


@dataclass(frozen=True)
class _Prompt:
    content: str
    box: BoxPrompt | None
    points: tuple[PointPrompt, ...]
    low_resolution: np.ndarray
    mask_input: np.ndarray | None


class JobFactory:
    """Makes the jobs of one review; remembers the last prompts, so that points can refine them.

    pipeline: the models in use, None until they are loaded; `learned`: estimators in charge of segments of a label
    instead of the pipeline's, by label.
    """

    def __init__(self, nodes: ReviewNodes, pipeline: SlicePipeline | None = None) -> None:
        self.nodes = nodes
        self.pipeline = pipeline
        self.learned: Mapping[str, QualityEstimator] = {}
        self._prompts: OrderedDict[Key, _Prompt] = OrderedDict()

    def box(
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
            volume=self.nodes.reader.snapshot(),
            pipeline=pipeline or self._pipelines([segment_id])[segment_id],
            plane=plane,
            segment_id=segment_id,
            grid_to_ras=self._grid(segment_id),
            box=box,
            points=points,
            maps=maps,
            label=self.nodes.store.name(segment_id),
        )

    def refine(self, segment_id: str, plane: SlicePlane, points: Sequence[PointPrompt], maps: bool = False) -> BoxJob:
        """Add points to the last prompt of this slice; the last answer is refined as long as it is unchanged."""
        last, row = self._last(segment_id, plane), self.nodes.table.get((segment_id, *plane.key))
        if last is not None:
            job = self.box(segment_id, plane, last.box, [*last.points, *points], maps)
            return replace(job, mask_input=last.low_resolution)
        return self.box(segment_id, plane, row.box_prompt if row is not None else None, points, maps)

    def click(self, segment_id: str, plane: SlicePlane) -> ClickJob:
        """Where the next click would tell most, of the prompt that this slice's mask was made with; of a mask without
        one: of its bounding box. Raises EvanySegError without a mask, UnsupportedPromptError for segmenters that cannot
        tell, GeometryError."""
        self._check()
        self.check_place(plane)
        pipeline = self._pipeline()
        if pipeline.segmenter is not None:
            check_clicks(pipeline.segmenter)
        mask = self.nodes.store.mask(segment_id, plane).copy()
        last, row = self._last(segment_id, plane), self.nodes.table.get((segment_id, *plane.key))
        box = row.box_prompt if row is not None else None
        if last is not None:
            box, points, mask_input = last.box, last.points, last.mask_input
        else:
            box, points, mask_input = box or BoxPrompt.of_mask(mask), (), None
        if box is None and not points:
            name = self.nodes.store.name(segment_id)
            raise EvanySegError(f"'{name}' has no mask on this slice; draw a box first.")
        return ClickJob(self.nodes.reader.snapshot(), pipeline, plane, segment_id, mask, box, points, mask_input)

    def answer(self, asked: ClickJob, point: PointPrompt) -> BoxJob:
        """Segment anew with one more point, which says what is at the place that `asked` found."""
        if self._last(asked.segment_id, asked.plane) is not None:
            return self.refine(asked.segment_id, asked.plane, [point])
        return self.box(asked.segment_id, asked.plane, asked.box, [*asked.points, point])

    def _last(self, segment_id: str, plane: SlicePlane) -> _Prompt | None:
        """What this slice was prompted with, while the mask is still the answer to it."""
        last, row = self._prompts.get((segment_id, *plane.key)), self.nodes.table.get((segment_id, *plane.key))
        unchanged = last is not None and row is not None and row.content_hash == last.content and not row.stale
        return last if unchanged else None

    def propagate(
        self, segment_id: str, plane: SlicePlane, direction: str = "both", stop_below: float = 0.5, limit: int = 10_000
    ) -> PropagateJob:
        """direction: 'up' (towards higher slice numbers), 'down' or 'both'. Raises EvanySegError for an empty slice."""
        self._check()
        if plane.oblique:
            raise GeometryError(
                "An oblique slice has no neighbours to propagate to; rotate the view to the volume plane."
            )
        self.check_place(plane)
        mask = self.nodes.store.mask(segment_id, plane)
        if not mask.any():
            raise EvanySegError(f"'{self.nodes.store.name(segment_id)}' has no mask on this slice; draw a box first.")
        return PropagateJob(
            volume=self.nodes.reader.snapshot(),
            pipeline=self._pipelines([segment_id])[segment_id],
            plane=plane,
            segment_id=segment_id,
            grid_to_ras=self._grid(segment_id),
            mask=mask.copy(),
            directions=DIRECTIONS[direction],
            stop_below=stop_below,
            limit=limit,
            label=self.nodes.store.name(segment_id),
        )

    def score(
        self,
        axis: int,
        segment_ids: Sequence[str] | None = None,
        only: Sequence[Key] | None = None,
        again: bool = False,
        allow_cropped: bool = False,
    ) -> ScoreJob:
        """Score slices of existing segments (default: the visible ones) along voxel axis `axis`; unchanged slices that
        have a score by the same estimator in the same intensity window are left out unless `again`. Segments of which
        the volume does not show a hundredth are refused unless `allow_cropped`."""
        self._check()
        ids = self._ids(segment_ids)
        rows = [r for r in self.nodes.table.records(axis=axis) if r.segment_id in ids and r.kind != MISSING]
        pipelines = self._pipelines(ids)
        volume = self.nodes.reader.snapshot()
        window = volume.window.describe()
        now = {i: (pipeline.estimator.name, window) for i, pipeline in pipelines.items()}
        known = [r for r in rows if r.scored and r.made_with == now[r.segment_id] and not again]
        return ScoreJob(
            volume=volume,
            pipelines=pipelines,
            axis=axis,
            segments=self.nodes.store.snapshot(ids),
            known={r.key: r.content_hash for r in known},
            boxes={r.key: (r.content_hash, r.box_prompt) for r in rows if r.box_prompt is not None},
            only=frozenset(only) if only is not None else None,
            names={i: self.nodes.store.name(i) for i in ids},
            doubts={i: doubts_of(self.nodes.store.segmentation.GetSegment(i)) for i in ids},
            allow_cropped=allow_cropped,
        )

    def rescore(self, axis: int, allow_cropped: bool = False) -> ScoreJob:
        """Only the stale rows along one axis."""
        stale = [r.key for r in self.nodes.table.records(axis=axis) if r.stale]
        ids = [i for i in self.nodes.store.ids() if i in {key[0] for key in stale}]
        return self.score(axis, ids, stale, allow_cropped=allow_cropped)

    def missing(self, axis: int, segment_ids: Sequence[str] | None = None, allow_cropped: bool = False) -> MissingJob:
        """Look for the object in gaps inside segments and beyond each end; slices known from before are left out."""
        self._check()
        volume = self.nodes.reader.snapshot()
        window = volume.window.describe()
        rows = self.nodes.table.records(axis=axis)
        known = {r.key: r.content_hash for r in rows if r.kind == MISSING and r.window == window}
        ids = self._ids(segment_ids)
        return MissingJob(
            volume=volume,
            detector=MissingSliceDetector(self._pipeline()),
            axis=axis,
            segments=self.nodes.store.snapshot(ids),
            known=known,
            names={i: self.nodes.store.name(i) for i in ids},
            allow_cropped=allow_cropped,
        )

    def check_place(self, plane: SlicePlane) -> None:
        """Raises GeometryError for a slice that was looked at before the volume was moved: pixels of it would be
        written elsewhere."""
        if not plane.oblique:
            now = self.nodes.reader.plane(plane.axis, plane.index)
            if now.shape != plane.shape or not np.allclose(now.pixel_to_ras, plane.pixel_to_ras, atol=1e-6):
                raise GeometryError(
                    f"'{self.nodes.volume.GetName()}' was moved by a transform meanwhile; draw the box again."
                )

    def _check(self) -> None:
        if self.nodes.problem:
            raise EvanySegError(f"{self.nodes.problem}; choose another one.")

    def _pipeline(self) -> SlicePipeline:
        if self.pipeline is None:
            raise EvanySegError("No model is loaded; choose a segmenter and an estimator first.")
        return self.pipeline

    def _pipelines(self, segment_ids: Sequence[str]) -> dict[str, SlicePipeline]:
        """The pipeline of each segment: with the estimator that was learned for its label, if there is one."""
        chosen = self._pipeline()
        made = dict.fromkeys(segment_ids, chosen)
        if self.learned:
            with_label = {e: SlicePipeline(x, chosen.segmenter, chosen.cache) for e, x in self.learned.items()}
            for segment_id, label in labels_of(self.nodes.store, self.nodes.reader.snapshot()).items():
                if segment_id in made and label in with_label:
                    made[segment_id] = with_label[label]
        return made

    def _grid(self, segment_id: str) -> np.ndarray:
        return self.nodes.store.grid_to_ras(segment_id, self.nodes.volume)

    def _ids(self, segment_ids: Sequence[str] | None) -> list[str]:
        return list(segment_ids) if segment_ids is not None else self.nodes.store.ids(visible_only=True)

    def remember_prompt(self, result: JobResult) -> None:
        """What `refine` builds on, once a box job's result is applied."""
        if result.prompted is None or len(result.outcomes) != 1:
            return
        outcome, answer = result.outcomes[0], result.prompted
        low = answer.candidates.low_resolution_logits[answer.chosen]
        self._prompts[outcome.key] = _Prompt(outcome.content, answer.box, tuple(result.points), low, result.mask_input)
        self._prompts.move_to_end(outcome.key)
        while len(self._prompts) > _REMEMBERED_PROMPTS:
            self._prompts.popitem(last=False)
