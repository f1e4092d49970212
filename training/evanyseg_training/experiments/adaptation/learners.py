"""Which learner learns most from few references: compared on training sources that the estimator has not seen.

Every learner gets the same candidates and features; what is compared is its own answer, before anything is blended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.adaptation.candidates import Candidate
from evanyseg.adaptation.features import RELATIVE, TrueMasks
from evanyseg.adaptation.fit import AdaptationOptions
from evanyseg.adaptation.learner.gaussian_process import fit_gaussian_process
from evanyseg.adaptation.learner.regression import LearnerOptions, fit_trees
from evanyseg.adaptation.learner.scale import shipped_scale
from evanyseg.metrics import agreement, failure

from ...reporting.run_report import markdown_table
from .measuring import MeasuredSet
from .ridge import fit_line
from .tables import SPREAD, interval
from .trials import DRAWN_TASK, FLAT_TASK, Task, candidates

if TYPE_CHECKING:
    import pandas as pd

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Features [N, COUNT], truth, built-in answer, weight, group."""
Learner = Callable[[Arrays, np.ndarray, np.ndarray], np.ndarray]
"""(what is known, features [M, COUNT], built-in answers [M]) -> dice [M]."""
OPTIONS = LearnerOptions()


def trees(known: Arrays, x: np.ndarray, builtin: np.ndarray) -> np.ndarray:
    features, truth, _, weight, _ = known
    return fit_trees(features, truth, weight, OPTIONS).predict(x)[:, 0]


def boosting(known: Arrays, x: np.ndarray, builtin: np.ndarray) -> np.ndarray:
    from sklearn.ensemble import GradientBoostingRegressor

    features, truth, _, weight, _ = known
    model = GradientBoostingRegressor(n_estimators=50, subsample=0.7, max_features=0.3, random_state=0)
    answer: np.ndarray = model.fit(features, truth, weight).predict(x)
    return answer


def line(known: Arrays, x: np.ndarray, builtin: np.ndarray) -> np.ndarray:
    features, truth, said, weight, group = known
    return fit_line(features, truth, said, weight, group, shipped_scale()).predict(x, builtin)


def line_to_truth(known: Arrays, x: np.ndarray, builtin: np.ndarray) -> np.ndarray:
    """The same ridge regression, to the Dice itself."""
    features, truth, said, weight, group = known
    none = np.zeros_like(said)
    return fit_line(features, truth, none, weight, group, shipped_scale()).predict(x, np.zeros_like(builtin))


def gaussian_process(known: Arrays, x: np.ndarray, builtin: np.ndarray) -> np.ndarray:
    return fit_gaussian_process(*known, shipped_scale()).predict(x, builtin)


LEARNERS: dict[str, Learner] = {
    "extra trees": trees, "boosting": boosting, "ridge": line_to_truth, "ridge of the error": line,
    "Gaussian process of the error": gaussian_process,
}  # fmt: skip
BLENDS = {
    "extra trees + ridge": ("extra trees", "ridge"),
    "extra trees + ridge of the error": ("extra trees", "ridge of the error"),
    "extra trees + Gaussian process": ("extra trees", "Gaussian process of the error"),
}
"""Means of two."""


def compared(
    sets: Sequence[MeasuredSet], counts: Sequence[int], draws: int, options: AdaptationOptions, least: int = 13
) -> pd.DataFrame:
    """One row per task, set, number of references, draw and learner."""
    import pandas as pd

    rows = []
    for task in (DRAWN_TASK, FLAT_TASK):
        for data in sets:
            for count in counts:
                if len(task.subjects(data)) < max(least, count + 5):
                    continue
                for draw in range(draws if task.cheap else 1):
                    rows += _compared(task, data, count, draw, options)
    return pd.DataFrame(rows)


def _compared(
    task: Task, data: MeasuredSet, count: int, draw: int, options: AdaptationOptions
) -> list[dict[str, object]]:
    subjects = task.references(data, count, draw)
    mine, scored = np.isin(data.subject, subjects), task.rows(data)
    made = candidates(data, scored, np.unique(data.object[mine & data.first]).tolist(), options)
    masks = TrueMasks(np.array([c.measured.descriptor for c in made if c.is_truth]).reshape(-1, len(RELATIVE)))
    rows = np.flatnonzero(scored & ~mine)
    x = np.array([data.measured(int(r)).features(masks) for r in rows])
    truth, builtin = data.dice[rows], data.predicted[rows]
    answers = {name: learn(_arrays(made, masks), x, builtin) for name, learn in LEARNERS.items()}
    answers |= {name: (answers[a] + answers[b]) / 2 for name, (a, b) in BLENDS.items()}
    found = []
    ones = np.ones((1, len(truth)))
    for name, answer in ({"built-in": builtin} | answers).items():
        dice = np.clip(answer, 0, 1)
        found.append(
            {"task": task.name, "set": data.name, "references": count, "draw": draw, "learner": name,
             "mae": float(np.abs(dice - truth).mean()), "sd": float(truth.std()),
             "r": float(np.nan_to_num(agreement.pearson(truth, dice, ones)[0])),
             "auroc": float(failure.at(failure.auroc, 0.8)(truth, dice, ones)[0])}
        )  # fmt: skip
    return found


def _arrays(made: Sequence[Candidate], masks: TrueMasks) -> Arrays:
    columns = (np.array([getattr(c, name) for c in made]) for name in ("dice", "predicted", "weight", "group"))
    return (np.array([c.measured.features(masks) for c in made]), *columns)  # type: ignore[return-value]


def learners_text(table: pd.DataFrame) -> str:
    rows = []
    per_set = table.groupby(["task", "references", "learner", "set"], sort=False).mean(numeric_only=True)
    for task, count, learner in dict.fromkeys(index[:3] for index in per_set.index):
        mine = per_set.loc[(task, count, learner)]
        rows.append(
            (task, count, learner, len(mine), interval(mine.mae.to_numpy()),
             interval(mine[mine.sd >= SPREAD].r.to_numpy()), interval(mine.auroc.to_numpy()))
        )  # fmt: skip
    head = ("masks scored", "references", "learner", "sets", "MAE [95 %]", "r where SD >= .08", "AUROC<.8")
    return markdown_table(head, rows)
