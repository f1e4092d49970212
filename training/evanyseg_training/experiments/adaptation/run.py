"""`adapt-eval`: measure the sets once, draw references many times, tell what adaptation brings, per set and macro."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.adaptation.fit import AdaptationOptions
from evanyseg.io.write import atomic_path, write_text
from evanyseg.metrics import agreement, failure
from evanyseg.protocols import Segmenter
from evanyseg.quality.builtin import BuiltinEstimator

from ...data.manifest import HELDOUT_B_SETS
from ...data.readers import Record
from ...errors import DataError
from ...reporting.run_report import markdown_table
from .measuring import MeasuredSet, measured_set
from .trials import TASKS, Task, Trial, cohort, trial

if TYPE_CHECKING:
    import pandas as pd

BUILTIN, ADAPTED = "built-in", "adapted"
WORSE = 0.005
SPREAD = 0.08
"""Sets whose true Dice varies by at least this much can show a correlation."""


@dataclass(frozen=True)
class RunOptions:
    """subjects and per_subject: most of a set; least: subjects that a set of the cohort must have; counts: references;
    draws of each; synthetic errors per reference."""

    subjects: int = 26
    per_subject: int = 1
    least: int = 13
    counts: tuple[int, ...] = (2, 4, 8)
    draws: int = 10
    synthetic: int = 14
    with_box: bool = True


def measured(
    records: Sequence[Record],
    names: Sequence[str],
    folder: Path,
    base: BuiltinEstimator,
    segmenter: Segmenter,
    options: RunOptions,
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
            made = measured_set(
                name, by_set[name], base, segmenter, options.subjects, options.per_subject, options.synthetic,
                options.with_box,
            )  # fmt: skip
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
        for data in sets:
            if not cohort(data, task, options.least):
                continue
            for count in options.counts:
                for draw in range(options.draws):
                    made = trial(data, task, _references(data, task, count, draw).tolist(), base, adaptation)
                    rows += [_figures(data, task, count, draw, method, made) for method in made.answers]
            tell(f"{task.name}: {data.name}")
    return pd.DataFrame(rows)


def _references(data: MeasuredSet, task: Task, count: int, draw: int) -> np.ndarray:
    """Subjects that have masks to be scored, drawn from (draw, count) alone."""
    present = np.unique(data.subject[np.isin(data.kind, task.scored)])
    chosen: np.ndarray = np.random.default_rng((draw, count)).permutation(present)[:count]
    return chosen


def _figures(data: MeasuredSet, task: Task, count: int, draw: int, method: str, made: Trial) -> dict[str, object]:
    answer, truth = made.answers[method], data.dice[made.rows]
    ones = np.ones((1, len(truth)))
    covered = (answer.low <= truth) & (truth <= answer.high)
    return {
        "task": task.name, "references": count, "set": data.name, "draw": draw, "method": method, "masks": len(truth),
        "mae": float(np.abs(answer.dice - truth).mean()),
        "r": float(agreement.pearson(truth, answer.dice, ones)[0]),
        "auroc": float(failure.at(failure.auroc, 0.8)(truth, answer.dice, ones)[0]),
        "coverage": float(covered.mean()), "width": float((answer.high - answer.low).mean()),
        "sd": float(truth.std()), "share": made.share, "level": made.level,
    }  # fmt: skip


def summary(table: pd.DataFrame, resamples: int = 2000) -> list[tuple[object, ...]]:
    """(task, references, method, sets, MAE with interval, ratio to the built-in, r where the truth varies, AUROC,
    coverage, lowest coverage of a set, width, sets worse than the built-in), macro over sets."""
    rows: list[tuple[object, ...]] = []
    per_set = table.groupby(["task", "references", "method", "set"], sort=False).mean(numeric_only=True)
    rng = np.random.default_rng(0)
    for task, count, method in dict.fromkeys(index[:3] for index in per_set.index):
        mine = per_set.loc[(task, count, method)]
        base = per_set.loc[(task, count, BUILTIN)].loc[mine.index]
        picks = rng.integers(0, len(mine), (resamples, len(mine)))
        low, high = np.percentile(mine.mae.to_numpy()[picks].mean(axis=1), (2.5, 97.5))
        varied = mine[mine.sd >= SPREAD]
        worse = int((mine.mae > base.mae + WORSE).sum())
        intervals = method in (BUILTIN, ADAPTED)
        rows.append(
            (
                task, count, method, len(mine), f"{mine.mae.mean():.3f} [{low:.3f}, {high:.3f}]",
                f"{mine.mae.mean() / base.mae.mean():.2f}", _text(varied.r.mean()), _text(mine.auroc.mean()),
                _text(mine.coverage.mean()) if intervals else "-", _text(mine.coverage.min()) if intervals else "-",
                _text(mine.width.mean()) if intervals else "-", worse,
            )
        )  # fmt: skip
    return rows


def _text(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.3f}"


HEADER = ("masks scored", "references", "method", "sets", "MAE [95 %, sets resampled]", "of built-in", "r (SD >= .08)",
          "AUROC<.8", "coverage", "lowest", "width", "sets worse")  # fmt: skip


def write(folder: Path, table: pd.DataFrame, told: str) -> None:
    """figures.csv (per draw), adaptation.md (macro and per set). Raises OutputError."""
    with atomic_path(folder / "figures.csv") as part:
        table.round(4).to_csv(part, index=False)
    most = table.references.max()
    last = table[(table.references == most) & table.method.isin([BUILTIN, ADAPTED, "mean of the references"])]
    wide = last.pivot_table(index=["task", "set"], columns="method", values="mae", sort=False).round(3).reset_index()
    text = "\n".join(
        [
            "# Learning from corrected cases\n",
            told,
            markdown_table(HEADER, summary(table)),
            f"## MAE per set, {most} references\n",
            markdown_table([str(c) for c in wide.columns], wide.astype(str).to_numpy().tolist()),
        ]
    )
    write_text(folder / "adaptation.md", text)
