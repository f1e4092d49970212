"""What `adapt-eval` found, as tables: macro over sets with intervals, and per set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.io.write import atomic_path, write_text

from ...reporting.run_report import markdown_table
from .run import ADAPTED, BUILTIN, MEAN

if TYPE_CHECKING:
    import pandas as pd

WORSE = 0.005
SPREAD = 0.08
"""Sets whose true Dice varies by at least this much can show a correlation."""
RESAMPLES = 2000
HEADER = (
    "masks scored", "references", "method", "sets", "MAE [95 %]", "of built-in", "of the references' mean",
    "r where SD >= .08 [95 %]", "AUROC<.8 [95 %]", "coverage", "lowest", "width", "sets worse",
)  # fmt: skip


def interval(values: np.ndarray, signed: bool = False) -> str:
    """'0.071 [0.037, 0.110]': the mean over sets, and of resampled sets; '-' without a number."""
    known = values[np.isfinite(values)]
    if not len(known):
        return "-"
    picks = np.random.default_rng(0).integers(0, len(known), (RESAMPLES, len(known)))
    low, high = np.percentile(known[picks].mean(axis=1), (2.5, 97.5))
    sign = "+" if signed else ""
    return f"{known.mean():{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"


def summary(table: pd.DataFrame) -> list[tuple[object, ...]]:
    """Rows under HEADER. The built-in estimator's width is also given stretched until it covers 90 % (in brackets)."""
    rows: list[tuple[object, ...]] = []
    per_set = table.groupby(["task", "references", "method", "set"], sort=False).mean(numeric_only=True)
    for task, count, method in dict.fromkeys(index[:3] for index in per_set.index):
        mine = per_set.loc[(task, count, method)]
        base = per_set.loc[(task, count, BUILTIN)].loc[mine.index]
        known = (task, count, MEAN) in per_set.index
        mean = f"{mine.mae.mean() / per_set.loc[(task, count, MEAN)].loc[mine.index].mae.mean():.2f}" if known else "-"
        with_interval = method in (BUILTIN, ADAPTED)
        width = f"{mine.width.mean():.3f}" + (f" ({mine.widened.mean():.3f})" if method == BUILTIN else "")
        rows.append(
            (
                task, count, method, len(mine), interval(mine.mae.to_numpy()),
                f"{mine.mae.mean() / base.mae.mean():.2f}", mean,
                interval(mine[mine.sd >= SPREAD].r.to_numpy()), interval(mine.auroc.to_numpy()),
                f"{mine.coverage.mean():.3f}" if with_interval else "-",
                f"{mine.coverage.min():.3f}" if with_interval else "-", width if with_interval else "-",
                int((mine.mae > base.mae + WORSE).sum()),
            )
        )  # fmt: skip
    return rows


def per_set(table: pd.DataFrame, count: int) -> str:
    """MAE of each set with so many references, the built-in, the learned and the trivial answer."""
    some = table[(table.references == count) & table.method.isin([BUILTIN, ADAPTED, MEAN])]
    wide = some.pivot_table(index=["task", "set"], columns="method", values="mae", sort=False).round(3).reset_index()
    return markdown_table([str(c) for c in wide.columns], wide.astype(str).to_numpy().tolist())


def write(folder: Path, table: pd.DataFrame, told: str, count: int, parts: Sequence[tuple[str, str]] = ()) -> None:
    """figures.csv (per draw), adaptation.md (macro, further parts with their headings, per set). Raises OutputError."""
    with atomic_path(folder / "figures.csv") as part:
        table.round(4).to_csv(part, index=False)
    text = [
        "# Learning from corrected cases\n", told, markdown_table(HEADER, summary(table)),
        *(f"## {heading}\n\n{body}" for heading, body in parts), f"## MAE per set, {count} references\n",
        per_set(table, count),
    ]  # fmt: skip
    write_text(folder / "adaptation.md", "\n".join(text))
