"""Several segmenters on the same box: their candidates by predicted Dice, and the one to keep. No Qt."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evanyseg.errors import EvanySegError
from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.pipeline.slice_pipeline import SlicePipeline, SliceResult
from evanyseg.prompts import BoxPrompt
from evanyseg.protocols import Progress, ShouldCancel, never_cancel, no_progress, raise_if_cancelled
from evanyseg.results import QualityEstimate

from ...scene.jobs.prompt_jobs import BoxJob, outcome_of
from ...scene.jobs.result import JobResult
from ...scene.nodes.volume_reader import VolumeSnapshot
from ...scene.review.session import ReviewSession
from ..review_controller import ONE_THING, ReviewController
from ..segmenting import SegmentingPresenter
from ..setup.model_store import ModelStore
from .images import outlined_crop

MOST = 12
"""Candidates shown."""


@dataclass(frozen=True)
class Candidate:
    """One mask [H, W] of one segmenter; `number` counts that segmenter's own masks."""

    segmenter: str
    number: int
    mask: np.ndarray
    estimate: QualityEstimate
    result: SliceResult
    pipeline: SlicePipeline

    @property
    def title(self) -> str:
        """'builtin #2: 0.81'; the band is added by the view."""
        score = "unscored" if math.isnan(self.estimate.dice) else f"{self.estimate.dice:.2f}"
        return f"{self.segmenter} #{self.number + 1}: {score}"


@dataclass(frozen=True)
class CompareJob:
    """Runs each segmenter on the same slice and box; a segmenter that fails is reported, the others go on."""

    template: BoxJob
    models: ModelStore
    names: tuple[str, ...]
    device: str
    title: str = "Comparing"

    def run(
        self, progress: Progress = no_progress, should_cancel: ShouldCancel = never_cancel
    ) -> tuple[list[Candidate], list[str]]:
        """(candidates, best first; one sentence for each segmenter that could not)."""
        found: list[Candidate] = []
        problems: list[str] = []
        image = self.template.volume.slice_input(self.template.plane)
        for done, name in enumerate(self.names):
            raise_if_cancelled(should_cancel)
            progress(done / len(self.names), f"{self.title}: {name}")
            try:
                segmenter = self.models.segmenter(name, self.device)
                pipeline = SlicePipeline(self.template.pipeline.estimator, segmenter, self.models.cache)
                result = pipeline.segment(image, self.template.box, should_cancel=should_cancel)
            except EvanySegError as error:
                raise_if_cancelled(should_cancel)
                problems.append(f"{name}: {error}")
                continue
            found += [
                Candidate(name, number, mask, estimate, result, pipeline)
                for number, (mask, estimate) in enumerate(zip(result.masks, result.estimates, strict=True))
            ]
        return ranked(found)[:MOST], problems


@dataclass(frozen=True)
class KeepJob:
    """One candidate as the segmentation will hold it."""

    template: BoxJob
    candidate: Candidate
    title: str = "Keeping the candidate"

    @property
    def volume(self) -> VolumeSnapshot:
        return self.template.volume

    @property
    def encodes(self) -> None:
        return None

    def run(self, progress: Progress = no_progress, should_cancel: ShouldCancel = never_cancel) -> JobResult:
        chosen = replace(self.candidate.result, chosen=self.candidate.number)
        job = replace(self.template, pipeline=self.candidate.pipeline)
        return JobResult((outcome_of(job, job.plane, chosen, should_cancel),), chosen)


def ranked(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Best predicted Dice first, unscored last, without masks that another candidate has already."""
    order = sorted(
        candidates,
        key=lambda c: (math.isnan(c.estimate.dice), 0.0 if math.isnan(c.estimate.dice) else -c.estimate.dice),
    )
    kept: list[Candidate] = []
    for candidate in order:
        if not any(np.array_equal(candidate.mask, other.mask) for other in kept):
            kept.append(candidate)
    return kept


class ComparingPresenter:
    """Compares on the last box of `segmenting`, for the segment that it was drawn for; `on_candidates()` when there are
    new ones."""

    def __init__(self, controller: ReviewController, segmenting: SegmentingPresenter) -> None:
        self.controller = controller
        self.segmenting = segmenting
        self.on_candidates: Callable[[], None] = lambda: None
        self.candidates: list[Candidate] = []
        self.plane: SlicePlane | None = None
        self._template: BoxJob | None = None
        self._review: ReviewSession | None = None

    def compare(self, names: Sequence[str]) -> None:
        """Run these segmenters on the last box."""
        if self.controller.busy:
            self.controller.view.status(ONE_THING, problem=True)
            return
        if not names:
            self.controller.view.status("Tick at least one segmenter.", problem=True)
            return
        review, row, plane = self.controller.usable, self.segmenting.row(), self.segmenting.last_plane
        box = row.box_prompt if row is not None else None
        if review is None or row is None or plane is None or box is None or not review.store.has(row.segment_id):
            self.controller.view.status("Draw a box first: that is what segmenters are compared on.", problem=True)
            return
        segment_id = row.segment_id

        def begin(pipeline: SlicePipeline) -> None:
            template = review.jobs.box(segment_id, plane, box, pipeline=pipeline)
            job = CompareJob(template, self.controller.models, tuple(names), self.controller.session.device)
            self.controller.start(
                job.title, lambda c: job.run(c.progress, c.should_cancel), lambda r: done(template, r)
            )

        def done(template: BoxJob, result: tuple[list[Candidate], list[str]]) -> None:
            if self.controller.review is not review:
                return
            self.candidates, problems = result
            self._template, self._review, self.plane = template, review, plane
            self.controller.view.status(" ".join(problems) or "Best first.", problem=bool(problems))
            self.on_candidates()

        self.controller.with_models(begin)

    def keep(self, number: int) -> None:
        """Write candidate `number` of the list into the segment, as one undo step."""
        template = self._template
        if template is None or self._review is not self.controller.review or not 0 <= number < len(self.candidates):
            self.controller.view.status("Compare first, then choose a candidate.", problem=True)
            return
        candidate = self.candidates[number]

        def gather(review: ReviewSession) -> KeepJob:
            review.jobs.check_place(template.plane)
            return KeepJob(replace(template, volume=review.reader.snapshot()), candidate)

        self.controller.work(gather)

    def keep_best(self) -> None:
        self.keep(0)

    def picture(self, number: int, size: int = 128) -> np.ndarray:
        """uint8 RGB [size, size, 3]: the box's surroundings with the candidate's outline."""
        assert self._template is not None
        job, mask = self._template, self.candidates[number].mask
        image = job.volume.window.apply(job.volume.pixels(job.plane))
        return outlined_crop(image, mask, job.box or BoxPrompt.of_mask(mask), size)

    def forget(self) -> None:
        self.candidates, self._template, self._review = [], None, None
        self.on_candidates()
