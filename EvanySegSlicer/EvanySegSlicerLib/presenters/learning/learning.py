"""Learning from what the reviewer corrected: a line that says what is known, a job, its undo. No Qt.

What is learned is in charge of the segments of its label, in this scene, until it is undone. Nothing leaves the
computer: references and what was learned are kept in a folder that the user sees, exports and clears.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from evanyseg.adaptation.fit import AdaptationOptions
from evanyseg.adaptation.measured import MeasuredReferences
from evanyseg.device import require_package, server_address
from evanyseg.errors import EvanySegError, MissingPackageError
from evanyseg.quality.builtin import BuiltinEstimator

from ...scene.nodes.labels import labels_of
from ...scene.review.evidence import CORRECTED, evidence_kind, gather
from ...scene.review.former_scores import restore_scores
from ...scene.review.session import ReviewSession
from ...scene.table.records import MASK, Key, ScoreRecord
from ..review_controller import CLOSED, ReviewController
from ..setup.model_store import BUILT_IN
from .known import Known, KnownPlaces, known_by_label, line
from .learn_job import LabelEvidence, Learned, LearnJob
from .versions import in_charge, read_steps, text_of

PACKAGE = ("sklearn", "scikit-learn", "Learning from corrections")


class LearningPresenter:
    """options: of the learner (tests make it quick)."""

    def __init__(self, controller: ReviewController, options: AdaptationOptions | None = None) -> None:
        self.controller = controller
        self.options = options or AdaptationOptions()
        self._measured = MeasuredReferences()
        self.places = KnownPlaces(controller.references)
        controller.jobs.rested = self.check_automatic

    # ---- what is known ----------------------------------------------------------------------------------------

    def known(self) -> dict[str, Known]:
        review = self.controller.usable
        return known_by_label(review, self.places) if review is not None else {}

    def line(self) -> str:
        """For the review tab; '' when nothing is known."""
        review = self.controller.usable
        if review is None:
            return ""
        labels = set(labels_of(review.store, review.reader.snapshot()).values())
        learned = in_charge(self.controller.session.learned)
        shown = {label: version for label, version in learned.items() if label in labels}
        return line(self.known(), shown, self.controller.learned_problems, len(labels) > 1)

    @property
    def can_learn(self) -> bool:
        return any(known.corrected for known in self.known().values())

    @property
    def can_undo(self) -> bool:
        return bool(read_steps(self.controller.session.learned))

    # ---- learning ---------------------------------------------------------------------------------------------

    def learn(self) -> None:
        """Keep what is known of the open review, learn, and score again what is open with what was learned."""
        review = self.controller.now(self._ready)
        if review is None or self.controller.node is None:
            return
        labels = self._evidence(review)
        device = self.controller.session.device
        base = lambda: cast(BuiltinEstimator, self.controller.models.estimator(BUILT_IN, device))
        job = LearnJob(review.reader.snapshot(), labels, self.controller.references, base, self.options, self._measured)
        self.controller.node.set("learned_at", self._corrected_here())

        def done(found: dict[str, Learned]) -> None:
            self.places.changed()
            if self.controller.review is not review:
                self.controller.jobs.say(CLOSED, problem=True)
                return
            self._take_charge(review, found)

        self.controller.start(
            "Learning from corrections",
            lambda context: job.run(context.progress, context.should_cancel),
            done,
            dropped=lambda failure: self.places.changed(),
        )

    def undo(self) -> None:
        """The last step of learning is in charge no longer: the scores before it come back, without inference where the
        same mask had one."""
        review = self.controller.now(lambda review: review)
        steps = read_steps(self.controller.session.learned)
        if review is None or self.controller.node is None:
            return
        if not steps:
            self.controller.view.status("Nothing was learned in this scene.")
            return
        last = steps[-1]
        self.controller.node.set("learned", text_of(steps[:-1]))
        now = in_charge(self.controller.session.learned)
        lacking: list[Key] = []
        window = review.reader.snapshot().window.describe()
        for label, version in last.items():
            rows = [r for r in self._rows(review, [label]) if r.estimator == version.name]
            before = now[label].name if label in now else BUILT_IN
            restored, rest = restore_scores(review.table, rows, before, window)
            review.changed(restored)
            lacking += rest
        self._score_again(review, lacking, "The scores before are back.")

    def check_automatic(self) -> None:
        """Learn where the user wants it after every so many corrections, and there are so many new ones."""
        session = self.controller.session
        if session.learn_every <= 0 or self.controller.busy or self.controller.usable is None:
            return
        if session.estimator == BUILT_IN and self._corrected_here() - session.learned_at >= session.learn_every:
            self.learn()

    # ---- the folder -------------------------------------------------------------------------------------------

    def export(self, folder: Path) -> int:
        """Corrected slices as pictures and tables for `evanyseg adapt`. Raises OutputError, EvanySegError."""
        return self.controller.references.export(folder)

    def clear(self) -> None:
        """Delete references and everything learned from them; ask first. Scores in the scene stay."""
        try:
            freed = self.controller.references.clear()
        except EvanySegError as error:
            self.controller.view.status(str(error), problem=True)
            return
        self.places.changed()
        if self.controller.node is not None:
            self.controller.node.set("learned", "")
        self.controller.forget_models()
        self.controller.view.status(f"The kept slices are deleted ({freed / 2**20:.1f} MB).")
        self.controller.view.updated([])

    # ---- helpers ----------------------------------------------------------------------------------------------

    def _ready(self, review: ReviewSession) -> ReviewSession:
        """Raises EvanySegError where there is nothing to learn from, or nothing to learn with."""
        if self.controller.session.estimator != BUILT_IN:
            raise EvanySegError("What is learned builds on the built-in estimator: choose it in Models first.")
        if not self.can_learn:
            raise EvanySegError(
                "Correct a scored slice first (Segment Editor), then accept it: its mask before and its mask after are "
                "learned from."
            )
        try:
            if server_address(self.controller.session.device) is None:
                require_package(*PACKAGE)
        except MissingPackageError as error:
            raise EvanySegError(f"{error.what}; press 'Learn from my corrections' to install it.") from error
        return review

    def _evidence(self, review: ReviewSession) -> dict[str, LabelEvidence]:
        found = {}
        for label, known in self.known().items():
            if known.corrected:
                rows = self._rows(review, [label], stale=True)
                evidence, none = gather(review.corrections, rows, review.thresholds)
                found[label] = LabelEvidence(tuple(evidence.values()), tuple(none), self._waiting(review, rows))
        return found

    def _waiting(self, review: ReviewSession, rows: Sequence[ScoreRecord]) -> tuple[float, ...]:
        """What the built-in estimator says of masks that nobody has decided on."""
        window = review.reader.snapshot().window.describe()
        of = [review.table.recall(r.key, r.content_hash, BUILT_IN, window) for r in rows if not evidence_kind(r)]
        return tuple(s.dice for s in of if s is not None and s.scored and s.estimator == BUILT_IN)

    def _rows(self, review: ReviewSession, labels: Sequence[str], stale: bool = False) -> list[ScoreRecord]:
        of = labels_of(review.store, review.reader.snapshot())
        return [
            r
            for r in review.table.records()
            if of.get(r.segment_id) in labels and r.kind == MASK and (stale or not r.stale)
        ]

    def _corrected_here(self) -> int:
        review = self.controller.usable
        if review is None:
            return 0
        return sum(evidence_kind(row) == CORRECTED for row in review.table.records())

    def _take_charge(self, review: ReviewSession, found: dict[str, Learned]) -> None:
        assert self.controller.node is not None
        step = {label: learned.version for label, learned in found.items() if learned.version is not None}
        remarks = " ".join(
            f"{r[:1].upper()}{r[1:]}." for r in dict.fromkeys(r for f in found.values() for r in f.remarks)
        )
        if not step:
            self.controller.jobs.say(
                f"These corrections do not help yet: the built-in estimator stays. {remarks}".strip()
            )
            self.controller.view.updated([])
            return
        steps = read_steps(self.controller.session.learned)
        self.controller.node.set("learned", text_of([*steps, step]))
        names = ", ".join(version.name for version in step.values())
        keys = [r.key for r in self._rows(review, list(step))]
        self._score_again(review, keys, f"Scored with {names}. {remarks}".strip())

    def _score_again(self, review: ReviewSession, keys: Sequence[Key], said: str) -> None:
        """Score these rows by what is in charge now, axis by axis; oblique slices keep their scores."""
        axes = sorted({axis for _, axis, *_ in keys if axis >= 0})
        cropped = self.controller.session.allow_cropped

        def chain(rest: Sequence[int]) -> None:
            if not rest:
                self.controller.view.status(said)
                self.controller.view.updated([])
                return
            of_axis = [key for key in keys if key[1] == rest[0]]
            ids = list(dict.fromkeys(segment_id for segment_id, *_ in of_axis))
            self.controller.work(
                lambda open_review: open_review.jobs.score(rest[0], ids, of_axis, allow_cropped=cropped),
                lambda applied, result: chain(rest[1:]),
            )

        chain(axes)
