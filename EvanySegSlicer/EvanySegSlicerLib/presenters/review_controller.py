"""One scene's review at work: opens it, runs its jobs off the main thread, applies what they bring. No Qt.

Tabs (segment, review, compare, explore) are presenters of their own on top of this; the view is told in plain words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from evanyseg.adaptation.store import ReferenceStore
from evanyseg.errors import EvanySegError
from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.protocols import QualityEstimator

from ..scene.jobs.result import JobResult, SliceJob
from ..scene.jobs.runner import Job, JobContext, JobRunner
from ..scene.nodes.session_node import Session, SessionNode
from ..scene.review.open_review import new_segmentation, open_review
from ..scene.review.session import Applied, ReviewSession
from .foreground_jobs import ForegroundJobs
from .learning.versions import learned_files
from .setup.model_store import BUILT_IN, ModelStore
from .view import Owner, View

Meant = TypeVar("Meant")
Result = TypeVar("Result")
ONE_THING = "One thing at a time: wait, or press Cancel."
CLOSED = "The review was closed meanwhile; the result was dropped."
MOVED = "The volume was moved by a transform meanwhile; the result was dropped. Do it again."


@dataclass(frozen=True)
class Loaded:
    """Names that were asked for, and the models they became. learned: by label, in charge instead of the pipeline's
    estimator; problems: by label, why what was learned cannot be used."""

    names: tuple[str, ...]
    pipeline: SlicePipeline
    learned: Mapping[str, QualityEstimator]
    problems: Mapping[str, str]


class ReviewController:
    """Knows which review is open, which models are loaded, and what runs; presenters of tabs act through it."""

    def __init__(
        self, runner: JobRunner, models: ModelStore, view: View, references: ReferenceStore | None = None
    ) -> None:
        """references: where corrected slices are kept, None for the usual folder."""
        self.runner = runner
        self.models = models
        self.view = view
        self.references = references or ReferenceStore.default()
        self.review: ReviewSession | None = None
        self.node: SessionNode | None = None
        self.jobs = ForegroundJobs(runner, view)
        self._loaded: Loaded | None = None
        self._opened: tuple | None = None
        self._problem = ""

    # ---- the review and its scene -----------------------------------------------------------------------------

    @property
    def session(self) -> Session:
        return self.node.read() if self.node is not None else Session()

    @property
    def usable(self) -> ReviewSession | None:
        """The open review while its nodes are in the scene."""
        return self.review if self.review is not None and not self.review.problem else None

    def bind(self, node: SessionNode | None) -> None:
        """Work on this scene's session; None when the scene goes: jobs are cancelled, nothing is touched any more."""
        if node is None:
            self.runner.cancel_all()
            self._drop_review()
        self.node = node

    def open(self) -> ReviewSession | None:
        """The review of the session's volume and segmentation, made again only when one of them changed; None while
        they are not both chosen. Problems go to the status line."""
        if self.node is None:
            return None
        volume = self.node.node.GetNodeReference("volume")
        segmentation = self.node.node.GetNodeReference("segmentation")
        session = self.session
        wanted = (volume, segmentation, session.preset)
        if self._opened == wanted and self.review is not None and not self.review.problem:
            return self.review
        self._drop_review()
        self._problem = ""
        if volume is None or segmentation is None or volume.GetImageData() is None:
            return None
        try:
            review = open_review(volume, segmentation).review
            self._equip(review)
        except EvanySegError as error:
            self._problem = str(error)
            self.view.status(self._problem, problem=True)
            return None
        review.listeners.append(self.view.updated)
        self.review, self._opened = review, wanted
        self.view.updated([])
        return review

    def window_sentence(self) -> str:
        """How models see the open volume; '' while none is open."""
        review = self.usable
        try:
            return review.reader.window_sentence() if review is not None else ""
        except EvanySegError:
            return ""  # a volume that can no longer be used: the next action says why

    def require(self) -> ReviewSession:
        """The open review; a segmentation is made when there is none. Raises EvanySegError without a volume."""
        if self.node is None or self.node.node.GetNodeReference("volume") is None:
            raise EvanySegError("Choose a volume first.")
        if self.node.node.GetNodeReference("segmentation") is None:
            self.node.set("segmentation", new_segmentation(self.node.node.GetNodeReference("volume")).GetID())
        review = self.open()
        if review is None:
            raise EvanySegError(self._problem or "This volume has no voxels; choose another one.")
        return review

    def _drop_review(self) -> None:
        review, self.review, self._opened = self.review, None, None
        if review is not None:
            review.listeners.clear()
            if self.node is not None and self.node.node.GetScene() is not None:
                review.overlay.remove()

    # ---- jobs -------------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether something that the user asked for is on its way."""
        return self.jobs.busy

    def cancel(self, of: Owner | None = None) -> bool:
        """Ask what runs to stop (`of`: only what this owner began); False when there is nothing of that kind."""
        return self.jobs.cancel(of)

    def start(
        self,
        title: str,
        work: Callable[[JobContext], Result],
        done: Callable[[Result], None],
        quiet: bool = False,
        plane: SlicePlane | None = None,
        dropped: Callable[[Exception | None], None] = lambda failure: None,
    ) -> Job:
        """Run any work on the chosen device's thread; see `ForegroundJobs.start`."""
        return self.jobs.start(title, work, done, self.session.device, quiet, plane, dropped)

    def work(
        self,
        gather: Callable[[ReviewSession], SliceJob],
        then: Callable[[Applied, JobResult], None] = lambda applied, result: None,
        through: Callable[[ReviewSession], ReviewSession] = lambda review: review,
        owner: Owner | None = None,
    ) -> None:
        """gather on the main thread -> run on the worker -> apply on the main thread -> then.

        Models are loaded first, on the worker, when they are not yet. Another job being on its way: refused.
        `through`: another session over the same nodes that gathers and applies (the Segment Editor's); `owner`: who
        hears of it, and can `cancel` it.
        """
        review = self.now(lambda review: review, owner)
        if review is None:
            return
        self.jobs.owner = owner
        self.with_models(lambda pipeline: self._run(review, gather, then, through))
        self.jobs.rest()

    def now(self, read: Callable[[ReviewSession], Meant], owner: Owner | None = None) -> Meant | None:
        """What `read(review)` answers at once: what the user means is what he sees now, not when the models are loaded
        and he has scrolled on. None when it was said (to `owner` too) why nothing can be begun."""
        try:
            if self.busy:
                raise EvanySegError(ONE_THING)
            return read(self.require())
        except EvanySegError as error:
            self.view.status(str(error), problem=True)
            if owner is not None:
                owner.told(str(error), problem=True)
            return None

    def forget_models(self) -> None:
        """Let go of the models; the next action loads those chosen then."""
        self._loaded = None
        if self.review is not None:
            self.review.pipeline = None
        self.models.forget()

    def with_models(self, action: Callable[[SlicePipeline], None], quiet: bool = False) -> None:
        """Call `action(pipeline)` on the main thread once the chosen models are there; what it raises is reported.
        `quiet`: nobody waits for it yet, and what the user asks for meanwhile is not refused."""
        session = self.session
        names = (session.segmenter, session.estimator, session.device, session.learned)

        def loaded(models: Loaded) -> None:
            self._loaded = models
            if self.review is not None:
                self._equip(self.review)
            try:
                action(models.pipeline)
            except EvanySegError as error:
                self.jobs.report(error)

        if self._loaded is not None and self._loaded.names == names:
            loaded(self._loaded)
            return
        self.start("Loading the models", lambda context: self._load(names), loaded, quiet)

    @property
    def learned_problems(self) -> Mapping[str, str]:
        """By label: why what was learned cannot be used."""
        return self._loaded.problems if self._loaded is not None else {}

    def _load(self, names: tuple[str, ...]) -> Loaded:
        """On the worker. What was learned builds on the built-in estimator: another one that is chosen is in charge."""
        segmenter, estimator, device, learned = names
        found, problems = {}, {}
        files = learned_files(learned, self.references) if estimator == BUILT_IN else {}
        for label, path in files.items():
            try:
                found[label] = self.models.learned(path, device)
            except EvanySegError as error:
                problems[label] = str(error)
        return Loaded(names, self.models.pipeline(segmenter, estimator, device), found, problems)

    def _equip(self, review: ReviewSession) -> None:
        if self._loaded is not None:
            review.pipeline = self._loaded.pipeline
            review.jobs.learned = self._loaded.learned

    def _run(
        self,
        review: ReviewSession,
        gather: Callable[[ReviewSession], SliceJob],
        then: Callable[[Applied, JobResult], None],
        through: Callable[[ReviewSession], ReviewSession],
    ) -> None:
        if self.review is not review:  # another scene, or other nodes, since the models began to load
            self.jobs.say(CLOSED, problem=True)
            return
        try:
            writing = through(review)
            job = gather(writing)
        except EvanySegError as error:
            self.jobs.report(error)
            return

        def done(result: JobResult) -> None:
            if self.review is not review:  # another scene, or other nodes: what comes now belongs to nobody
                self.jobs.say(CLOSED, problem=True)
                return
            if not _in_place(review, job):
                self.jobs.say(MOVED, problem=True)
                return
            applied = writing.apply(result)
            if applied.message:
                self.jobs.say(applied.message, problem=not applied.ok or bool(result.problem))
            then(applied, result)

        run = lambda context: job.run(context.progress, context.should_cancel)
        self.start(job.title, run, done, plane=job.encodes)


def _in_place(review: ReviewSession, job: SliceJob) -> bool:
    """Whether the volume lies where it lay when the job was made: its slices would be written elsewhere."""
    try:
        now = review.reader.snapshot().ijk_to_ras
    except EvanySegError:  # gone, or under a transform that is not linear
        return bool(review.problem)  # `apply` says which node is gone
    return bool(np.allclose(now, job.volume.ijk_to_ras, atol=1e-6))
