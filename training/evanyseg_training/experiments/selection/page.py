"""The page of a selection run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.io.write import write_text

from ...reporting.run_report import markdown_of
from .methods import METHODS, PASSES, RANDOM
from .run import SelectionOptions

if TYPE_CHECKING:
    import pandas as pd

PAGE = "selection.md"
TITLE = "## Choosing cases (`evanyseg rank`)"


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """A row a set, use and method: means over repeats with their standard deviation, gains beside random."""
    import pandas as pd

    rows = []
    for (name, use), mine in table.groupby(["set", "use"]):
        by = {method: group.set_index("repeat") for method, group in mine.groupby("method")}
        for method in METHODS:
            one = by[method]
            rows.append(
                {
                    "set": name, "use": use, "method": method, "share found": spread(one.share),
                    "times random": f"{one.share.mean() / max(by[RANDOM].share.mean(), 1e-9):.1f}",
                    "Dice of the chosen": spread(one.chosen_dice), "Dice before": spread(one.before),
                    "gain": spread(one.after - one.before), "gain over random": spread(one.after - by[RANDOM].after),
                    "seconds": f"{one.seconds.mean():.2f}", "MB": f"{one.megabytes.mean():.0f}",
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def spread(values: pd.Series) -> str:
    """'mean +- SD'."""
    found = values.to_numpy(float)
    return f"{found.mean():.3f} +- {np.std(found, ddof=1) if len(found) > 1 else np.nan:.3f}"


def write_page(
    folder: Path, table: pd.DataFrame, timed: pd.DataFrame, options: SelectionOptions, told: str, estimator: str
) -> Path:
    """selection.md. told: command and commit; timed: see `timing.timings`."""
    text = (
        f"{TITLE}\n\n{told}, estimator {estimator} without a box. A small U-Net at {options.side} px learns from "
        f"{options.labeled} labelled images; each method orders {options.pool} others by its predictions and "
        f"{options.budget:.0%} are chosen: the worst to annotate, the best as pseudo-labels. Share found: how many of "
        f"the truly worst (best) as many are among them. Then it learns from both again; gain: its Dice on "
        f"{options.test} images of other people. Mean +- SD of {options.repeats} repeats. Seconds and memory: of the "
        f"ordering alone, the prediction is there; MC dropout runs the network {PASSES} times, so its time grows with "
        f"the segmenter, and that of the others does not.\n\n{markdown_of(summary(table))}\n"
        "What ordering alone takes, by the size of the network whose predictions are ordered (nobody would use one of "
        f"{options.side} px; one thread, median of three):\n\n{markdown_of(timed)}"
    )
    write_text(folder / PAGE, text)
    return folder / PAGE
