"""Learning from references: measure, cross-validate over subjects, decide whether it helps, fit on all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import numpy as np

from ..errors import EvanySegError, ImageError
from ..protocols import Progress, Segmenter, ShouldCancel, never_cancel, no_progress, raise_if_cancelled
from ..quality.builtin import BuiltinEstimator
from ..quality.ood import STATISTICS
from .candidates import Candidate, CandidateOptions
from .choosing import Choice, Evidence, answers_left_out, chosen
from .conformal import GroupedInterval, covered_left_out, fit_interval
from .estimator import AdaptedEstimator, KnowsReferences, Learned, Mode, Windows
from .features import RELATIVE, TrueMasks
from .learner.regression import LearnerOptions, Regression, fit_regression
from .measured import MeasuredReferences
from .reference import Reference, weights_like

MOST_FOLDS = 8
WITHIN = 2.0
"""Times the references' own largest distance from each other: farther images are unlike them."""


@dataclass(frozen=True)
class AdaptationOptions:
    candidates: CandidateOptions = field(default_factory=CandidateOptions)
    learner: LearnerOptions = field(default_factory=LearnerOptions)


@dataclass(frozen=True)
class CrossValidation:
    """Predictions for candidates whose subject was left out, all [N]: low, high: between which the Dice lies; the
    built-in estimator's, the learnt ones, the blended ones; weight; group; own: masks of the kind to be scored;
    has_box; builtin_inside, inside: whether the built-in interval and one from the other subjects cover the Dice (NaN:
    not known)."""

    low: np.ndarray
    high: np.ndarray
    builtin: np.ndarray
    learnt: np.ndarray
    blended: np.ndarray
    weight: np.ndarray
    group: np.ndarray
    own: np.ndarray
    has_box: np.ndarray
    builtin_inside: np.ndarray
    inside: np.ndarray

    @property
    def exact(self) -> np.ndarray:
        """bool [N]: masks whose Dice is known."""
        return self.low == self.high

    def error(self, which: np.ndarray, has_box: bool = True) -> float:
        """Weighted mean absolute error of one of the predictions, on masks of the kind to be scored if there are."""
        use = (self.has_box == has_box) & self.exact
        use &= self.own if (self.own & use).any() else use
        return float(np.average(np.abs(which - self.low)[use], weights=self.weight[use])) if use.any() else np.nan


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
        waiting: Sequence[float] = (),
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
    waiting: Sequence[float] = (),
    segmenters: Sequence[Segmenter] = (),
) -> Adaptation:
    """An estimator that knows the references. Deterministic for the same references in the same order. known: what was
    measured before; it grows by what is not there yet. waiting: built-in scores of the masks that will be scored, where
    the references are no fair sample of them (the worst first). segmenters: their masks under jittered boxes are
    candidates too. A base that learns elsewhere (on a server) does all of it there, but for segmenters.

    Where they do not help (cross-validated over subjects), the built-in estimator stays in charge and `remarks` say so.
    Raises ImageError without usable references, MissingPackageError, CancelledError.
    """
    options = options or AdaptationOptions()
    if isinstance(base, LearnsElsewhere):
        if segmenters:
            raise EvanySegError("Segmenters are asked on this computer: learn on one of its devices.")
        return base.learn(references, options, name, progress, should_cancel, waiting)
    remarks: list[str] = []
    once = list({r.digest(): r for r in references}.values())
    if copies := len(references) - len(once):
        remarks.append(f"{copies} of {len(references)} references are the same as others: once each")
    references = once
    names = [r.subject or f"image {n}" for n, r in enumerate(references)]
    subjects = sorted(set(names))
    # with one subject the images take the subjects' place: what is learnt is about this subject alone
    groups = [subjects.index(n) for n in names] if len(subjects) > 1 else list(range(len(names)))
    if len(subjects) == 1 and len(references) > 1:
        remarks.append("all references are of one subject: the interval speaks of that subject only")
    known = known or MeasuredReferences()
    made: list[list[Candidate]] = []
    rows = []
    for number, (reference, group) in enumerate(zip(references, groups, strict=True)):
        measured = known.of(reference, base, options.candidates, should_cancel, segmenters)
        made.append(measured.in_group(group))
        rows += [measured.window] if measured.window is not None else []
        progress(0.7 * (number + 1) / len(references), "measuring the references")
    adaptation = learn(_representative(made, waiting), _windows(rows), base, options, name, progress, should_cancel)
    return replace(adaptation, subjects=len(subjects), remarks=(*remarks, *adaptation.remarks))


def _representative(made: Sequence[Sequence[Candidate]], waiting: Sequence[float]) -> list[Candidate]:
    """The candidates of all references, with weights by which these are like the masks that wait."""
    scored = [[c.predicted for c in of if c.own] for of in made]
    brought = [n for n, scores in enumerate(scored) if scores]
    factors = np.ones(len(made))
    factors[brought] = weights_like([float(np.mean(scored[n])) for n in brought], waiting)
    return [replace(c, weight=c.weight * float(f)) for of, f in zip(made, factors, strict=True) for c in of]


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
    (boxed, *with_box), (unboxed, *without_box) = (_mode(check, has_box, remarks) for has_box in (True, False))
    modes = (boxed, unboxed)
    blended, inside = (np.where(check.has_box, a, b) for a, b in zip(with_box, without_box, strict=True))
    check = replace(check, blended=blended, inside=inside)
    masks = _true_masks(made)
    raise_if_cancelled(should_cancel)
    regression = _fitted(made, masks, options)
    progress(1.0, "done")
    estimator = AdaptedEstimator(base, Learned(regression, masks, windows, modes), name)
    return Adaptation(estimator, check, len({c.group for c in made}), tuple(dict.fromkeys(remarks)))


def _true_masks(made: Sequence[Candidate]) -> TrueMasks:
    rows = [c.measured.descriptor for c in made if c.is_truth]
    return TrueMasks(np.array(rows) if rows else np.zeros((0, len(RELATIVE))))


def _fitted(made: Sequence[Candidate], masks: TrueMasks, options: AdaptationOptions) -> Regression:
    x = np.array([c.measured.features(masks) for c in made])
    truth, builtin, weight = (np.array([getattr(c, n) for c in made]) for n in ("dice", "predicted", "weight"))
    return fit_regression(x, truth, builtin, weight, np.array([c.group for c in made]), options.learner)


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
        regression = _fitted(training, masks, options)
        out = [c for c, f in zip(made, fold, strict=True) if f == number]
        x, builtin = np.array([c.measured.features(masks) for c in out]), np.array([c.predicted for c in out])
        learnt[fold == number] = regression.predict(x, builtin)
        progress(0.7 + 0.25 * (number + 1) / folds, "checking on subjects left out")
    columns = {n: np.array([getattr(c, n) for c in made]) for n in ("predicted", "weight", "own", "has_box")}
    low, high = np.array([c.bounds for c in made]).T
    builtin = columns["predicted"]
    below, above = np.array([c.measured.builtin_interval for c in made]).T
    inside = np.where(low == high, (below <= low) & (low <= above), np.nan)
    return CrossValidation(
        low=low,
        high=high,
        builtin=builtin,
        learnt=learnt,
        blended=builtin,
        weight=columns["weight"],
        group=group,
        own=columns["own"],
        has_box=columns["has_box"],
        builtin_inside=inside,
        inside=np.full(len(made), np.nan),
    )


def _mode(check: CrossValidation, has_box: bool, remarks: list[str]) -> tuple[Mode, np.ndarray, np.ndarray]:
    """The mode, and about its candidates [N] answers by models that never saw the candidate's subject, and whether
    intervals from other subjects cover them."""
    use = check.has_box == has_box
    words = "with a box" if has_box else "without a box"
    builtin = check.builtin.copy()
    if len(np.unique(check.group[use & check.exact])) < 2:
        remarks.append(f"one reference is not enough to check whether it helps ({words}): the built-in estimator stays")
        return Mode(Choice(), GroupedInterval((1.0,), (), 0.0, int(use.any()))), builtin, check.inside
    targets = _target_masks(check, use)
    own = bool(check.own[targets].all())
    known = Evidence(check.low, check.high, check.learnt, builtin, check.weight, check.group, own).of(targets)
    choice = chosen(known)
    if choice.share == 0:
        remarks.append(f"these references do not help yet ({words}): the built-in estimator stays in charge")
    blended = choice.mixed(check.learnt, builtin)
    blended[targets] = answers_left_out(known, choice)
    sure = targets & check.exact
    sure = sure if sure.any() else use & check.exact
    given = (check.low[sure], blended[sure], check.group[sure], check.weight[sure])
    interval = fit_interval(*given, by_subject=not own)
    inside = check.inside.copy()
    inside[sure] = covered_left_out(*given, by_subject=not own)
    return Mode(choice, interval), blended, inside


def _target_masks(check: CrossValidation, use: np.ndarray) -> np.ndarray:
    """Which candidates tell how good the answers are: masks of the kind to be scored where every subject has some."""
    own = use & check.own
    return own if set(check.group[own]) == set(check.group[use]) else use


def _windows(rows: Sequence[np.ndarray]) -> Windows:
    """Statistics of the window around each reference's mask, and how far they lie from each other."""
    statistics = np.array(rows, np.float64) if rows else np.zeros((0, STATISTICS))
    if len(statistics) < 3:
        return Windows(statistics if len(statistics) else np.zeros((1, STATISTICS)), np.inf)
    alone = [Windows(np.delete(statistics, n, axis=0), 0.0).distance(row) for n, row in enumerate(statistics)]
    return Windows(statistics, WITHIN * float(np.max(alone)))
