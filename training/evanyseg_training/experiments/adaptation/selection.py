"""Choosing among candidates of comparable quality: what an estimator closes of the gap from the best single one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.adaptation.fit import AdaptationOptions
from evanyseg.quality.builtin import BuiltinEstimator

from ...reporting.run_report import markdown_table
from .measuring import OTHER, POOL, PREDICTED, MeasuredSet
from .tables import interval
from .trials import Task, trial

if TYPE_CHECKING:
    import pandas as pd

LEAST_GAP = 0.01
"""A set whose best single candidate is this near to the oracle has nothing to gain."""
COMPARABLE = 0.15
"""Candidates whose mean Dice is further below the best single one's are left out: anyone can tell them."""


def _pool(data: MeasuredSet) -> np.ndarray:
    """bool [N]: the heads of the built-in segmenter, comparison networks, a stored network, of comparable quality."""
    networks = np.isin(data.kind, (POOL, PREDICTED)) | (
        (data.kind == OTHER) & np.char.startswith(data.method.astype(str), "head")
    )
    known = networks & data.first
    means = {m: data.dice[known & (data.method == m)].mean() for m in np.unique(data.method[known])}
    good = [m for m, value in means.items() if value >= max(means.values()) - COMPARABLE]
    found: np.ndarray = known & np.isin(data.method, good)
    return found


BY_REFERENCES = "the best single one on the references"
SELECTION_TASK = Task("candidates of comparable quality", _pool)


def selection_table(
    sets: Sequence[MeasuredSet],
    base: BuiltinEstimator,
    options: AdaptationOptions,
    count: int = 8,
    draws: int = 1,
    least: int = 13,
) -> pd.DataFrame:
    """One row per set, draw and method: mean Dice of what is chosen, of the best single candidate (the best of these
    very masks: nobody knows it beforehand) and of the oracle, over subjects that are no references."""
    import pandas as pd

    rows = []
    for data in sets:
        if len(SELECTION_TASK.subjects(data)) < least:
            continue
        for draw in range(draws):
            made = trial(data, SELECTION_TASK, SELECTION_TASK.references(data, count, draw), base, options)
            truth, method, which = (column[made.rows] for column in (data.dice, data.method, data.object))
            objects = np.unique(which)
            single = max(truth[method == m].sum() / len(objects) for m in np.unique(method))
            oracle = np.mean([truth[which == o].max() for o in objects])
            brought = np.isin(data.subject, made.references) & SELECTION_TASK.rows(data)
            of = {m: data.dice[brought & (data.method == m)] for m in np.unique(method)}
            known = {m: dice.mean() if len(dice) else -1.0 for m, dice in of.items()}
            scores = {name: made.answers[name].dice for name in ("built-in", "adapted")}
            scores[BY_REFERENCES] = np.array([known[m] for m in method])
            for name, said in scores.items():
                picked = [truth[which == o][np.argmax(said[which == o])] for o in objects]
                rows.append(
                    {"set": data.name, "draw": draw, "method": name, "candidates": len(truth) / len(objects),
                     "dice": float(np.mean(picked)), "single": single, "oracle": oracle}
                )  # fmt: skip
    return pd.DataFrame(rows)


def selection_text(table: pd.DataFrame) -> str:
    rows = []
    per_set = table.groupby(["method", "set"], sort=False).mean(numeric_only=True)
    for method in dict.fromkeys(table.method):
        mine = per_set.loc[method]
        mine = mine[mine.oracle - mine.single >= LEAST_GAP]
        closed = (mine.dice - mine.single).to_numpy(), (mine.oracle - mine.single).to_numpy()
        picks = np.random.default_rng(0).integers(0, len(mine), (2000, len(mine)))
        low, high = np.percentile(closed[0][picks].sum(axis=1) / closed[1][picks].sum(axis=1), (2.5, 97.5))
        share = f"{closed[0].sum() / closed[1].sum():.2f} [{low:.2f}, {high:.2f}]"
        rows.append(
            (method, len(mine), f"{mine.candidates.mean():.1f}", interval(mine.single.to_numpy()),
             interval(mine.oracle.to_numpy()), interval(mine.dice.to_numpy()), share)
        )  # fmt: skip
    head = ("chooses", "sets", "candidates", "best single", "oracle", "chosen", "share of the gap closed")
    return markdown_table(head, rows)
