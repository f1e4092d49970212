"""The page of an EIG run: tables, and the two figures of the paper (Dice by click, largest EIG by click)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.io.write import write_text

from ...reporting.plots import BLUE, GRAY, GREEN, ORANGE
from ...reporting.run_report import markdown_of
from .strategies import EIG, EIG_PIXELS, LARGEST_ERROR, ORACLE, RANDOM, RANDOM_NEAR
from .tables import clicks_on_errors, curves, differences, heads, per_object

if TYPE_CHECKING:
    import pandas as pd

PAGE = "clicks.md"
TITLE = "## Clicks by expected information gain"
LINES = {EIG: (BLUE, "-"), EIG_PIXELS: (BLUE, ":"), ORACLE: (GREEN, "-"), LARGEST_ERROR: (ORANGE, "-"),
         RANDOM: (GRAY, "-"), RANDOM_NEAR: (GRAY, ":")}  # fmt: skip
"""Color and dash of a strategy's line."""
VALUES = {"dice": "Dice", "eig": "largest EIG of the paper's grid (nats)"}


def write_page(folder: Path, table: pd.DataFrame, told: str, segmenter: str) -> Path:
    """clicks.md, its CSV and its plots; the page's path. told: command and commit."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "clicks.csv", table.to_csv(index=False))
    images = draw(folder, table)
    objects = table[["set", "object"]].drop_duplicates()
    parts = [
        f"{TITLE}\n\n{told}: segmenter {segmenter}, {len(objects)} objects of {table.set.nunique()} sets "
        f"({', '.join(f'{name} {n}' for name, n in objects.groupby('set').size().items())}), one a subject that no "
        "segmenter was trained on. Macro means over sets, 95 % intervals over objects (over sets where each has one "
        "alone). The person who clicks makes no "
        "mistakes. Start `point`: the paper's (a click at the object's center, all clicks given together); `box`: the "
        "viewer's (a jittered box, each click refines the last answer). The oracle tries all 900 points.\n",
        *(f"![{value}]({path.name})\n" for value, path in images.items()),
        *(f"### {words}, by click\n\n{markdown_of(curves(table, value))}" for value, words in VALUES.items()),
        f"### Differences after the last click\n\n{markdown_of(differences(table))}",
        f"### Clicks that fall on an error of the mask\n\n{markdown_of(clicks_on_errors(table))}",
        "### Do the heads differ, and is the Monte Carlo right?\n\nDice between heads: mean over pairs of the "
        "alternatives, after the first prompt; bias: the nested Monte Carlo (outer x inner draws) minus the exact "
        "form, over the grid and at its maximum; regret: what its choice lacks, in nats.\n\n"
        f"{markdown_of(heads(table))}",
    ]
    write_text(folder / PAGE, "\n".join(parts))
    return folder / PAGE


def draw(folder: Path, table: pd.DataFrame) -> dict[str, Path]:
    """A figure for each of `VALUES`: a panel a start, a line a strategy, macro means over sets; words -> path."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    starts: Sequence[str] = sorted(table.start.unique())
    made = {}
    for value, words in VALUES.items():
        found = per_object(table, value)
        figure, panels = plt.subplots(1, len(starts), figsize=(5 * len(starts), 3.4), squeeze=False, sharey=True)
        for start, panel in zip(starts, panels[0], strict=True):
            for strategy, (color, dash) in LINES.items():
                mine = found[(found.start == start) & (found.strategy == strategy)]
                if len(mine):
                    line = mine.groupby(["set", "click"])[value].mean().groupby("click").mean()
                    count = len(mine[["set", "object"]].drop_duplicates())
                    label = f"{strategy} ({count} objects)"  # the oracle is tried on fewer
                    panel.plot(line.index, line.to_numpy(), color=color, ls=dash, marker="o", ms=3, label=label)
            panel.set(title=f"first prompt: {start}", xlabel="clicks after it", xticks=np.unique(found.click))
            panel.grid(alpha=0.3)
        panels[0][0].set_ylabel(words)
        lines, labels = panels[0][-1].get_legend_handles_labels()
        figure.legend(lines, labels, fontsize=8, ncol=3, loc="upper center", bbox_to_anchor=(0.5, -0.03))
        made[words] = folder / f"clicks_{value}.png"
        figure.savefig(made[words], dpi=90, bbox_inches="tight")
        plt.close(figure)
    return made
