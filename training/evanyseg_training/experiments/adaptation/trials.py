"""One trial: some subjects of a set are references, the others are scored; several ways to use the references."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evanyseg.adaptation.candidates import Candidate
from evanyseg.adaptation.estimator import Learned, Windows
from evanyseg.adaptation.fit import AdaptationOptions, learn
from evanyseg.adaptation.reference import weights_like
from evanyseg.quality.builtin import BuiltinEstimator

from .measuring import PREDICTED, SYNTHETIC, TRUTH, MeasuredSet

REVIEWED = 0.8
"""Share of the subjects that a simulated review looks at: which ones is drawn, so that draws differ."""


@dataclass(frozen=True)
class Task:
    """scored: which rows of the other subjects; brought: whether the references bring such masks of their own; worst
    first: the references are those that a review by the built-in score opens first, else drawn; cheap: few rows."""

    name: str
    scored: Callable[[MeasuredSet], np.ndarray]
    brought: bool = True
    worst_first: bool = False
    cheap: bool = False

    def rows(self, data: MeasuredSet) -> np.ndarray:
        """bool [N]: rows to be scored, of the first object of each subject."""
        found: np.ndarray = self.scored(data) & data.first
        return found

    def subjects(self, data: MeasuredSet) -> np.ndarray:
        return np.unique(data.subject[self.rows(data)])

    def references(self, data: MeasuredSet, count: int, draw: int) -> list[int]:
        """Subjects that have masks to be scored, from (draw, count) alone; those of 8 are among those of 16."""
        drawn = np.random.default_rng(draw).permutation(self.subjects(data))
        if self.worst_first:
            seen = drawn[: max(round(REVIEWED * len(drawn)), count)]
            rows = np.flatnonzero(self.rows(data) & np.isin(data.subject, seen))
            drawn = data.subject[rows[np.argsort(data.predicted[rows], kind="stable")]]
        chosen: list[int] = drawn[:count].tolist()
        return chosen


def _stored(data: MeasuredSet) -> np.ndarray:
    return data.kind == PREDICTED


PREDICTED_TASK = Task("one network's masks, review order", _stored, worst_first=True, cheap=True)
DRAWN_TASK = Task("one network's masks, references drawn", _stored, cheap=True)
SEGMENTER_TASK = Task("the built-in segmenter's masks, review order", lambda d: d.chosen, worst_first=True, cheap=True)
FLAT_TASK = Task("flat, references with predictions", lambda d: d.flat)
TRUTHS_TASK = Task("flat, references' truths alone", lambda d: d.flat, brought=False)
TASKS = (PREDICTED_TASK, DRAWN_TASK, SEGMENTER_TASK, FLAT_TASK, TRUTHS_TASK)


@dataclass(frozen=True)
class Answer:
    """dice, low, high of the scored rows, each [M]."""

    dice: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Trial:
    """references: subjects; rows: the scored rows [M]; answers by method; share: of the learnt answer."""

    references: Sequence[int]
    rows: np.ndarray
    answers: dict[str, Answer]
    share: float
    level: float


def candidates(
    data: MeasuredSet, own: np.ndarray, objects: Sequence[int], options: AdaptationOptions
) -> list[Candidate]:
    """The rows of some objects as candidates, with the weights that `evanyseg.adaptation` gives them. own bool [N]:
    which rows are masks of the kind to be scored."""
    made: list[Candidate] = []
    for one in objects:
        rows = np.flatnonzero(data.object == one)
        brought = rows[own[rows]]
        errors = rows[np.isin(data.kind[rows], (TRUTH, SYNTHETIC))]
        share = options.candidates.prediction_share if len(brought) else 0.0
        for some, total in ((brought, share), (errors, 1 - share)):
            for row in some:
                value = float(data.dice[row])
                made.append(
                    Candidate(
                        data.measured(int(row)), (value, value), float(data.predicted[row]), total / len(some),
                        int(data.subject[row]), bool(own[row]), True, data.kind[row] == TRUTH,
                    )
                )  # fmt: skip
    return made


def like_waiting(made: Sequence[Candidate], waiting: np.ndarray) -> list[Candidate]:
    """With the weights that a review gives its references, by subject."""
    subjects = sorted({c.group for c in made if c.own})
    scores = [float(np.mean([c.predicted for c in made if c.own and c.group == s])) for s in subjects]
    factor = dict(zip(subjects, weights_like(scores, waiting.tolist()), strict=True))
    return [replace(c, weight=c.weight * float(factor.get(c.group, 1.0))) for c in made]


def learned_from(
    data: MeasuredSet, made: Sequence[Candidate], objects: Sequence[int], base: BuiltinEstimator,
    options: AdaptationOptions,
) -> Learned:  # fmt: skip
    shown = [data.statistics[o] for o in objects if data.statistics[o].any()]
    return learn(made, Windows(np.array(shown), np.inf), base, options).estimator.learned


def trial(
    data: MeasuredSet, task: Task, subjects: Sequence[int], base: BuiltinEstimator, options: AdaptationOptions
) -> Trial:
    """Everything about one draw of references. Subjects are never on both sides."""
    scored = task.rows(data)
    mine = np.isin(data.subject, subjects)
    rows = np.flatnonzero(~mine & scored)
    answers = {"built-in": Answer(data.predicted[rows], data.low[rows], data.high[rows])}
    share, level = 0.0, 0.9
    if len(subjects):
        objects = np.unique(data.object[mine & data.first]).tolist()
        made = candidates(data, scored & task.brought, objects, options)
        if task.brought and task.worst_first:
            made = like_waiting(made, data.predicted[rows])
        found = learned_from(data, made, objects, base, options)
        share, level = found.modes[0].choice.share, found.modes[0].interval.level
        answers["adapted"] = adapted(data, rows, found)
        for name, baseline in BASELINES.items():
            answers[name] = baseline(data, rows, made)
    return Trial(subjects, rows, answers, share, level)


def adapted(data: MeasuredSet, rows: np.ndarray, learned: Learned) -> Answer:
    """As `AdaptedEstimator` answers, from measured rows."""
    said, mode = data.predicted[rows], learned.modes[0]
    if mode.interval.level == 0 or not len(rows):
        return Answer(said, data.low[rows], data.high[rows])
    dice = said
    if mode.choice.share:
        x = np.array([data.measured(int(r)).features(learned.masks) for r in rows])
        dice = mode.choice.mixed(learned.regression.predict(x, said), said)
    return Answer(dice, *mode.bounds(dice, said, data.low[rows], data.high[rows]))


def _of(made: Sequence[Candidate]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(truth, built-in, weight) of the references' own masks, of all their masks where they brought none."""
    use = [c for c in made if c.own] or list(made)
    return np.array([c.dice for c in use]), np.array([c.predicted for c in use]), np.array([c.weight for c in use])


def references_mean(data: MeasuredSet, rows: np.ndarray, made: Sequence[Candidate]) -> Answer:
    """The hard trivial baseline: every mask is as good as the references' were on average."""
    truth, _, weight = _of(made)
    same = np.full(len(rows), np.average(truth, weights=weight))
    return Answer(same, same, same)


def bias_removed(data: MeasuredSet, rows: np.ndarray, made: Sequence[Candidate]) -> Answer:
    truth, said, weight = _of(made)
    dice = np.clip(data.predicted[rows] + np.average(truth - said, weights=weight), 0, 1)
    return Answer(dice, dice, dice)


def isotonic(data: MeasuredSet, rows: np.ndarray, made: Sequence[Candidate]) -> Answer:
    from sklearn.isotonic import IsotonicRegression

    truth, said, weight = _of(made)
    dice = (
        IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        .fit(said, truth, weight)
        .predict(data.predicted[rows])
    )
    return Answer(dice, dice, dice)


def shape_boosting(data: MeasuredSet, rows: np.ndarray, made: Sequence[Candidate]) -> Answer:
    """Boosting on the measured shape alone, fitted on the references' masks."""
    from sklearn.ensemble import GradientBoostingRegressor

    from evanyseg.quality.context import AUXILIARY_COUNT

    model = GradientBoostingRegressor(n_estimators=60, max_depth=3, subsample=0.7, random_state=0)
    model.fit(
        [c.measured.absolute[:AUXILIARY_COUNT] for c in made],
        [c.dice for c in made],
        sample_weight=[c.weight for c in made],
    )
    dice = np.clip(model.predict(data.absolute[rows, :AUXILIARY_COUNT]), 0, 1)
    return Answer(dice, dice, dice)


BASELINES: dict[str, Callable[[MeasuredSet, np.ndarray, Sequence[Candidate]], Answer]] = {
    "mean of the references": references_mean,
    "built-in, bias removed": bias_removed,
    "built-in, isotonic": isotonic,
    "boosting on shape": shape_boosting,
}
