"""`adapt-eval`: measure the sets once, draw references many times, score everybody else in several ways."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.adaptation.fit import AdaptationOptions
from evanyseg.metrics import agreement, failure
from evanyseg.quality.builtin import BuiltinEstimator

from ...data.manifest import HELDOUT_B_SETS
from ...data.readers import Record
from ...errors import DataError
from .measuring import MeasuredSet, Measuring
from .reverse import reverse_dice
from .trials import FLAT_TASK, PREDICTED_TASK, TASKS, Answer, Task, Trial, trial

if TYPE_CHECKING:
    import pandas as pd

BUILTIN, ADAPTED, MEAN, REVERSE = "built-in", "adapted", "mean of the references", "reverse classification"
LEAST_SCORED = 5
"""Subjects beside the references that a set must have."""
REVERSED = (PREDICTED_TASK, FLAT_TASK)
"""Tasks that reverse classification is measured on: a registration for each pair of images takes its time."""


@dataclass(frozen=True)
class RunOptions:
    """least: subjects that a set of the cohort must have; counts: references (a set takes part where LEAST_SCORED
    subjects are left, so that the larger counts have smaller cohorts); draws of each, and of the flat lists, which take
    longer; reverse: references of reverse classification, on the first draw (0: it is left out);
    tasks: parts of the names of those that are measured, all where there are none."""

    least: int = 13
    counts: tuple[int, ...] = (2, 4, 8)
    draws: int = 10
    flat_draws: int = 3
    reverse: int = 0
    tasks: tuple[str, ...] = ()


def measured(
    records: Sequence[Record],
    names: Sequence[str],
    folder: Path,
    measuring: Measuring | None,
    tell: Callable[[str], None] = print,
) -> list[MeasuredSet]:
    """The named sets, from the folder's files where they are there. Raises DataError for unknown sets and for those of
    the list that nobody may evaluate on yet."""
    forbidden = sorted(set(names) & set(HELDOUT_B_SETS))
    if forbidden:
        raise DataError(f"{', '.join(forbidden)}: sets of the second held-out list are not for this; leave them out.")
    by_set: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_set[record.set].append(record)
    unknown = sorted(set(names) - set(by_set))
    if unknown:
        raise DataError(f"There are no sets {', '.join(unknown)} in this collection.")
    found = []
    for name in names:
        path = folder / f"{name}.npz"
        if not path.is_file():
            assert measuring is not None
            made = measuring.measured(name, by_set[name])
            made.save(path)
            tell(f"{name}: {len(made.dice)} masks of {len(np.unique(made.subject))} subjects")
        found.append(MeasuredSet.read(path))
    return found


def evaluate(
    sets: Sequence[MeasuredSet],
    base: BuiltinEstimator,
    adaptation: AdaptationOptions,
    options: RunOptions,
    tell: Callable[[str], None] = print,
) -> pd.DataFrame:
    """One row per task, number of references, set, draw and method."""
    import pandas as pd

    rows = []
    for task in TASKS:
        if options.tasks and not any(part in task.name for part in options.tasks):
            continue
        for data in sets:
            subjects = len(task.subjects(data))
            for count in options.counts:
                if subjects < max(options.least, count + LEAST_SCORED):
                    continue
                for draw in range(options.draws if task.cheap else options.flat_draws):
                    chosen = task.references(data, count, draw)
                    made = trial(data, task, chosen, base, adaptation)
                    if draw == 0 and 0 < count == options.reverse and task in REVERSED:
                        made.answers[REVERSE] = _reversed(data, made.rows, chosen)
                    rows += [_figures(data, task, count, draw, method, made) for method in made.answers]
            tell(f"{task.name}: {data.name}")
    return pd.DataFrame(rows)


def _reversed(data: MeasuredSet, rows: np.ndarray, subjects: Sequence[int]) -> Answer:
    from evanyseg.performance.engines import reverse_engine

    dice = reverse_dice(data, rows, subjects, reverse_engine("registration"))
    return Answer(dice, dice, dice)


def _figures(data: MeasuredSet, task: Task, count: int, draw: int, method: str, made: Trial) -> dict[str, object]:
    answer, truth = made.answers[method], data.dice[made.rows]
    ones = np.ones((1, len(truth)))
    covered = (answer.low <= truth) & (truth <= answer.high)
    return {
        "task": task.name, "references": count, "set": data.name, "draw": draw, "method": method, "masks": len(truth),
        "mae": float(np.abs(answer.dice - truth).mean()),
        "r": float(np.nan_to_num(agreement.pearson(truth, answer.dice, ones)[0])),
        "auroc": float(failure.at(failure.auroc, 0.8)(truth, answer.dice, ones)[0]),
        "coverage": float(covered.mean()), "width": float((answer.high - answer.low).mean()),
        "widened": _widened(truth, answer, float(covered.mean())) if method == BUILTIN else np.nan,
        "sd": float(truth.std()), "share": made.share, "level": made.level,
    }  # fmt: skip


def _widened(truth: np.ndarray, answer: Answer, covered: float) -> float:
    """Mean width of intervals that are stretched about the answer until they cover 90 % of these very masks: what the
    built-in interval would have to be."""
    below, above = np.maximum(answer.dice - answer.low, 1e-3), np.maximum(answer.high - answer.dice, 1e-3)
    needed = np.maximum((answer.dice - truth) / below, (truth - answer.dice) / above)
    times = float(np.sort(needed)[min(int(np.ceil(0.9 * len(needed))), len(needed)) - 1])
    return float((np.clip(answer.dice + times * above, 0, 1) - np.clip(answer.dice - times * below, 0, 1)).mean())
