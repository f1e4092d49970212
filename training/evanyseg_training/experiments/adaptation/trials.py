"""One trial: some subjects of a set are references, the others are scored; several ways to use the references."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evanyseg.adaptation.candidates import Candidate
from evanyseg.adaptation.estimator import Learned, Windows
from evanyseg.adaptation.fit import AdaptationOptions, learn
from evanyseg.quality.builtin import BuiltinEstimator

from .measuring import OTHER, PREDICTED, SYNTHETIC, TRUTH, MeasuredSet


@dataclass(frozen=True)
class Task:
    """brought: kinds of rows that the references bring as masks of the kind to be scored; scored: kinds of rows scored
    on the other subjects; synthetic: whether the references make synthetic errors of their own."""

    name: str
    brought: tuple[int, ...]
    scored: tuple[int, ...]
    synthetic: bool = True


PREDICTED_TASK = Task("one network's masks as they come", (PREDICTED,), (PREDICTED,))
FLAT_TASK = Task("flat, references with predictions", (PREDICTED, OTHER), (PREDICTED, OTHER))
TRUTHS_TASK = Task("flat, references' truths alone", (), (PREDICTED, OTHER))
TASKS = (PREDICTED_TASK, FLAT_TASK, TRUTHS_TASK)


@dataclass(frozen=True)
class Answer:
    """dice, low, high of the scored rows, each [M]."""

    dice: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Trial:
    """references: subjects; rows: the scored rows [M]; answers by method; share: of the learnt answer."""

    references: np.ndarray
    rows: np.ndarray
    answers: dict[str, Answer]
    share: float
    level: float


def candidates(data: MeasuredSet, task: Task, subjects: Sequence[int], options: AdaptationOptions) -> list[Candidate]:
    """The references' rows as candidates, with the weights that `evanyseg.adaptation` gives them."""
    made: list[Candidate] = []
    chosen = np.isin(data.subject, subjects)
    for one in np.unique(data.object[chosen]):
        rows = np.flatnonzero(data.object == one)
        brought = rows[np.isin(data.kind[rows], task.brought)]
        errors = rows[np.isin(data.kind[rows], (TRUTH, SYNTHETIC))] if task.synthetic else rows[:0]
        share = options.candidates.prediction_share if len(brought) and len(errors) else 1.0 if len(brought) else 0.0
        for some, total in ((brought, share), (errors, 1 - share)):
            for row in some:
                made.append(
                    Candidate(
                        data.measured(int(row)), float(data.dice[row]), float(data.predicted[row]), total / len(some),
                        int(data.subject[row]), data.kind[row] in task.brought, True, data.kind[row] == TRUTH,
                    )
                )  # fmt: skip
    return made


def trial(
    data: MeasuredSet, task: Task, subjects: Sequence[int], base: BuiltinEstimator, options: AdaptationOptions
) -> Trial:
    """Everything about one draw of references. Subjects are never on both sides."""
    others = ~np.isin(data.subject, subjects)
    rows = np.flatnonzero(others & np.isin(data.kind, task.scored))
    answers = {"built-in": Answer(data.predicted[rows], data.low[rows], data.high[rows])}
    made = candidates(data, task, subjects, options) if len(subjects) else []
    share, level = 0.0, 0.9
    if made:
        objects = np.unique(data.object[~others])
        shown = [data.statistics[o] for o in objects if data.statistics[o].size]
        windows = Windows(np.array(shown), np.inf)
        found = learn(made, windows, base, options).estimator.learned
        share, level = found.modes[0].share, found.modes[0].interval.level
        answers["adapted"] = adapted(data, rows, found)
        for name, baseline in BASELINES.items():
            answers[name] = baseline(data, rows, made)
    return Trial(np.array(subjects), rows, answers, share, level)


def adapted(data: MeasuredSet, rows: np.ndarray, learned: Learned) -> Answer:
    """As `AdaptedEstimator` answers, from measured rows."""
    said, mode = data.predicted[rows], learned.modes[0]
    if mode.share == 0:
        return Answer(said, data.low[rows], data.high[rows])
    x = np.array([data.measured(int(r)).features(learned.masks) for r in rows])
    dice = mode.mixed(learned.trees.predict(x)[:, 0], said)
    low, high = mode.interval.around(dice)
    trust = min(mode.interval.level / 0.9, 1.0)
    low = trust * low + (1 - trust) * np.maximum(dice - (said - data.low[rows]), 0)
    high = trust * high + (1 - trust) * np.minimum(dice + (data.high[rows] - said), 1)
    return Answer(dice, np.minimum(low, dice), np.maximum(high, dice))


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

    model = GradientBoostingRegressor(n_estimators=100, max_depth=3, subsample=0.7, random_state=0)
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


def cohort(data: MeasuredSet, task: Task, least: int) -> bool:
    """Whether a set has masks to score and subjects enough."""
    return len(np.unique(data.subject[np.isin(data.kind, task.scored)])) >= least


def without_absolute(data: MeasuredSet) -> MeasuredSet:
    """For ablations: rows without what is absolute of place and appearance."""
    from evanyseg.adaptation.features import PLACE
    from evanyseg.quality.ood import STATISTICS

    absolute = data.absolute.copy()
    absolute[:, -(STATISTICS + len(PLACE)) :] = 0
    return replace(data, absolute=absolute)
