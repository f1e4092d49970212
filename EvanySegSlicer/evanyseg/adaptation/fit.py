"""Learning from references: measure, cross-validate over subjects, decide whether it helps, fit on all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import numpy as np

from ..errors import ImageError
from ..protocols import Progress, ShouldCancel, never_cancel, no_progress, raise_if_cancelled
from ..quality.builtin import BuiltinEstimator
from ..quality.ood import STATISTICS
from .candidates import Candidate, CandidateOptions
from .conformal import GroupedInterval, fit_interval
from .estimator import AdaptedEstimator, KnowsReferences, Learned, Mode, Windows
from .features import RELATIVE, TrueMasks
from .learner import LearnerOptions, fit_trees
from .measured import MeasuredReferences
from .recalibration import IDENTITY, Recalibration, fit_recalibration, left_out
from .reference import Reference

MOST_FOLDS = 8
SHARES = (0.25, 0.5, 0.75, 1.0)
CAUTION = 0.5
"""Standard errors (over subjects) by which the error must fall before the learnt answer gets a say."""
WITHIN = 2.0
"""Times the references' own largest distance from each other: farther images are unlike them."""


@dataclass(frozen=True)
class AdaptationOptions:
    candidates: CandidateOptions = field(default_factory=CandidateOptions)
    learner: LearnerOptions = field(default_factory=LearnerOptions)


@dataclass(frozen=True)
class CrossValidation:
    """Predictions for candidates whose subject was left out, all [N]: truth, the built-in estimator's, the learnt ones,
    the blended ones; weight; group; own: masks of the kind to be scored; has_box."""

    truth: np.ndarray
    builtin: np.ndarray
    learnt: np.ndarray
    blended: np.ndarray
    weight: np.ndarray
    group: np.ndarray
    own: np.ndarray
    has_box: np.ndarray

    def error(self, which: np.ndarray, has_box: bool = True) -> float:
        """Weighted mean absolute error of one of the predictions, on masks of the kind to be scored if there are."""
        use = self.has_box == has_box
        use &= self.own if (self.own & use).any() else use
        return float(np.average(np.abs(which - self.truth)[use], weights=self.weight[use])) if use.any() else np.nan


@dataclass(frozen=True)
class Adaptation:
    """estimator: to be used like any other; check: what cross-validation said; subjects; remarks: for the user."""

    estimator: KnowsReferences
    check: CrossValidation
    subjects: int
    remarks: tuple[str, ...]

    @property
    def helps(self) -> bool:
        return self.estimator.learned.helps


@runtime_checkable
class LearnsElsewhere(Protocol):
    """A built-in estimator whose networks run on a server."""

    def learn(
        self,
        references: Sequence[Reference],
        options: AdaptationOptions,
        name: str,
        progress: Progress,
        should_cancel: ShouldCancel,
    ) -> Adaptation:
        """As `adapt`."""


def adapt(
    references: Sequence[Reference],
    base: BuiltinEstimator | LearnsElsewhere,
    options: AdaptationOptions | None = None,
    name: str = "adapted",
    progress: Progress = no_progress,
    should_cancel: ShouldCancel = never_cancel,
    known: MeasuredReferences | None = None,
) -> Adaptation:
    """An estimator that knows the references. Deterministic for the same references in the same order. known: what was
    measured before; it grows by what is not there yet. A base that learns elsewhere (on a server) does all of it there.

    Where they do not help (cross-validated over subjects), the built-in estimator stays in charge and `remarks` say so.
    Raises ImageError without usable references, MissingPackageError, CancelledError.
    """
    options = options or AdaptationOptions()
    if isinstance(base, LearnsElsewhere):
        return base.learn(references, options, name, progress, should_cancel)
    names = [r.subject or f"image {n}" for n, r in enumerate(references)]
    subjects = sorted(set(names))
    remarks: list[str] = []
    # with one subject the images take the subjects' place: what is learnt is about this subject alone
    groups = [subjects.index(n) for n in names] if len(subjects) > 1 else list(range(len(names)))
    if len(subjects) == 1 and len(references) > 1:
        remarks.append("all references are of one subject: the interval speaks of that subject only")
    known = known or MeasuredReferences()
    made: list[Candidate] = []
    rows = []
    for number, (reference, group) in enumerate(zip(references, groups, strict=True)):
        measured = known.of(reference, base, options.candidates, should_cancel)
        made += measured.in_group(group)
        rows += [measured.window] if measured.window is not None else []
        progress(0.7 * (number + 1) / len(references), "measuring the references")
    adaptation = learn(made, _windows(rows), base, options, name, progress, should_cancel)
    return replace(adaptation, subjects=len(subjects), remarks=(*remarks, *adaptation.remarks))


def learn(
    made: Sequence[Candidate],
    windows: Windows,
    base: BuiltinEstimator,
    options: AdaptationOptions,
    name: str = "adapted",
    progress: Progress = no_progress,
    should_cancel: ShouldCancel = never_cancel,
) -> Adaptation:
    """The same from candidates that are measured already. Raises ImageError when there are none."""
    if not made:
        raise ImageError(
            "None of the references can be used: their masks are empty, or of images that cannot be scored."
        )
    remarks: list[str] = []
    check = _cross_validated(made, options, progress, should_cancel)
    (boxed, with_box), (unboxed, without_box) = (_mode(check, has_box, remarks) for has_box in (True, False))
    modes = (boxed, unboxed)
    check = replace(check, blended=np.where(check.has_box, with_box, without_box))
    masks = _true_masks(made)
    raise_if_cancelled(should_cancel)
    trees = fit_trees(*_arrays(made, masks), options.learner)
    progress(1.0, "done")
    estimator = AdaptedEstimator(base, Learned(trees, masks, windows, modes), name)
    return Adaptation(estimator, check, len({c.group for c in made}), tuple(dict.fromkeys(remarks)))


def _true_masks(made: Sequence[Candidate]) -> TrueMasks:
    rows = [c.measured.descriptor for c in made if c.is_truth]
    return TrueMasks(np.array(rows) if rows else np.zeros((0, len(RELATIVE))))


def _arrays(made: Sequence[Candidate], masks: TrueMasks) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x = np.array([c.measured.features(masks) for c in made])
    return x, np.array([c.dice for c in made]), np.array([c.weight for c in made])


def _cross_validated(
    made: Sequence[Candidate], options: AdaptationOptions, progress: Progress, should_cancel: ShouldCancel
) -> CrossValidation:
    group = np.array([c.group for c in made])
    present = np.unique(group)
    learnt = np.array([c.predicted for c in made])
    folds = min(MOST_FOLDS, len(present))
    fold_of = {g: n % folds for n, g in enumerate(np.random.default_rng(options.learner.seed).permutation(present))}
    fold = np.array([fold_of[g] for g in group])
    for number in range(folds if len(present) > 1 else 0):
        raise_if_cancelled(should_cancel)
        training = [c for c, f in zip(made, fold, strict=True) if f != number]
        masks = _true_masks(training)
        trees = fit_trees(*_arrays(training, masks), options.learner)
        out = np.flatnonzero(fold == number)
        learnt[out] = trees.predict(np.array([made[int(i)].measured.features(masks) for i in out]))[:, 0]
        progress(0.7 + 0.25 * (number + 1) / folds, "checking on subjects left out")
    columns = {n: np.array([getattr(c, n) for c in made]) for n in ("dice", "predicted", "weight", "own", "has_box")}
    builtin = columns["predicted"]
    return CrossValidation(
        columns["dice"], builtin, learnt, builtin, columns["weight"], group, columns["own"], columns["has_box"]
    )


def _mode(check: CrossValidation, has_box: bool, remarks: list[str]) -> tuple[Mode, np.ndarray]:
    """The mode, and answers [N] about its candidates, each by models that never saw the candidate's subject."""
    use = check.has_box == has_box
    words = "with a box" if has_box else "without a box"
    builtin = check.builtin.copy()
    if len(np.unique(check.group[use])) < 2:
        remarks.append(f"one reference is not enough to check whether it helps ({words}): the built-in estimator stays")
        return Mode(0.0, GroupedInterval((1.0,), (), 0.0, int(use.any()))), builtin
    targets = _target_masks(check, use)
    tried = [(IDENTITY, check.learnt)]
    if check.own[targets].all() and len(np.unique(check.group[targets])) > 2:
        tried.append(_recalibrated(check, use, targets))
    best, gain, share, blended = IDENTITY, 0.0, 0.0, builtin
    for recalibration, answer in tried:
        for part in SHARES:
            mixed = np.clip(part * answer + (1 - part) * builtin, 0, 1)
            if (found := _gain(check, targets, mixed)) > gain:
                best, gain, share, blended = recalibration, found, part, mixed
    if share == 0:
        remarks.append(f"these references do not help yet ({words}): the built-in estimator stays in charge")
    interval = fit_interval(check.truth[targets], blended[targets], check.group[targets], check.weight[targets])
    return Mode(share, interval, best), blended


def _recalibrated(check: CrossValidation, use: np.ndarray, targets: np.ndarray) -> tuple[Recalibration, np.ndarray]:
    """The recalibration of the masks of the kind to be scored, and its answers [N], by one that
    never saw their subject."""
    answers = np.column_stack([check.learnt, check.builtin])
    rows = np.flatnonzero(targets)
    given = (answers[rows], check.truth[rows], check.weight[rows])
    recalibration, answer = fit_recalibration(*given), check.learnt.copy()
    answer[use] = recalibration(answers[use])
    answer[rows] = left_out(*given, check.group[rows])
    return recalibration, answer


def _target_masks(check: CrossValidation, use: np.ndarray) -> np.ndarray:
    """Which candidates tell how good the answers are: masks of the kind to be scored where every subject has some."""
    own = use & check.own
    return own if set(check.group[own]) == set(check.group[use]) else use


def _gain(check: CrossValidation, targets: np.ndarray, blended: np.ndarray) -> float:
    """By how much the blended answer is nearer to the truth than the built-in one, averaged over subjects, less
    CAUTION standard errors."""
    nearer = np.abs(check.builtin - check.truth) - np.abs(blended - check.truth)
    means = np.array(
        [
            np.average(nearer[targets & (check.group == g)], weights=check.weight[targets & (check.group == g)])
            for g in np.unique(check.group[targets])
        ]
    )
    return float(means.mean() - CAUTION * means.std(ddof=1) / np.sqrt(len(means)))


def _windows(rows: Sequence[np.ndarray]) -> Windows:
    """Statistics of the window around each reference's mask, and how far they lie from each other."""
    statistics = np.array(rows, np.float64) if rows else np.zeros((0, STATISTICS))
    if len(statistics) < 3:
        return Windows(statistics if len(statistics) else np.zeros((1, STATISTICS)), np.inf)
    alone = [Windows(np.delete(statistics, n, axis=0), 0.0).distance(row) for n, row in enumerate(statistics)]
    return Windows(statistics, WITHIN * float(np.max(alone)))
