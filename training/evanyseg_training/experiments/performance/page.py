"""The page of an SPE run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from evanyseg.io.write import write_text

from ...reporting.plots import BLUE, GRAY, ORANGE
from ...reporting.run_report import markdown_of
from .run import IMAGES
from .tables import NO_ENGINE, by_set, metrics_table, over_sets

if TYPE_CHECKING:
    import pandas as pd

PAGE = "performance.md"
TITLE = "## Performance without labels (SPE)"


def write_page(folder: Path, table: pd.DataFrame, told: str, default: str) -> Path:
    """performance.md, its rows as CSV, and a plot. told: command and commit; default: the engine that the command
    uses."""
    write_text(folder / "performance.csv", table.to_csv(index=False))
    most = table[table["all"]]
    dice = most[most.metric == "dice"]
    few = table[table.engine.isin((default, NO_ENGINE)) & (table.metric == "dice")]
    few = few.assign(labeled=few.labeled.astype(str).where(~few["all"], "all"))
    order = lambda column: column.map(lambda v: int(v) if v.isdigit() else 10**9 if v == "all" else v)
    sets = most.groupby("set").images.first()
    parts = [
        f"{TITLE}\n\n{told}. {len(sets)} sets, checkpoints of one small U-Net each (every 5th of 100 epochs, 128 px); "
        "a third of the subjects trains it, a third is labelled, a third counts as unlabelled: "
        f"{', '.join(f'{name} {n}' for name, n in sets.items())} images. True metrics of the unlabelled third are used "
        "for comparison alone. Methods without an engine (-): the labelled images' own mean, which needs nothing else; "
        "the mean of predicted Dice, as it is and by a line over checkpoints; the labelled mean corrected image by "
        "image, which `evanyseg performance` answers with. Macro means over sets, 95 % intervals over sets; r is over "
        "a set's checkpoints. The paper has, for Dice, r .956 ± .046 and MAE .025 ± .019.\n",
        "![true against estimated Dice](performance.png)\n",
        "### Dice: reverse engines, and the mean of predicted Dice\n\nAll checkpoints, all labelled images.\n\n"
        + markdown_of(over_sets(dice, ["engine", "method"])),
        "### Dice, checkpoints with a true Dice above .5 alone\n\n"
        + markdown_of(over_sets(dice, ["engine", "method"], True)),
        "### All six metrics\n\n" + markdown_of(metrics_table(table, default)),
        f"### Dice, by the number of labelled images ({default})\n\n"
        + markdown_of(over_sets(few, ["labeled", "method"]).sort_values(["method", "labeled"], key=order)),
        f"### Dice, by set ({IMAGES}, all labelled images)\n\n" + markdown_of(_sets(dice[dice.method == IMAGES])),
    ]
    _draw(folder / "performance.png", dice[dice.engine.isin((default, NO_ENGINE))])
    write_text(folder / PAGE, "\n".join(parts))
    return folder / PAGE


def _sets(table: pd.DataFrame) -> pd.DataFrame:
    useful = by_set(table, useful=True).set_index("set")
    found = by_set(table)[["set", "checkpoints", "mae", "bias", "r", "coverage"]]
    of_true = table.groupby("set")["true"]
    return found.assign(
        true=found.set.map(of_true.agg(lambda v: f"{v.min():.2f} to {v.max():.2f}")),
        **{"mae above .5": found.set.map(useful.mae), "r above .5": found.set.map(useful.r)},
    )


def _draw(path: Path, table: pd.DataFrame) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = sorted(table.set.unique())
    figure, panels = plt.subplots(1, len(names), figsize=(2.6 * len(names), 2.9), squeeze=False)
    for name, panel in zip(names, panels[0], strict=True):
        mine = table[table.set == name]
        for method, color in zip(sorted(mine.method.unique()), (BLUE, GRAY, ORANGE, "#009e73"), strict=False):
            here = mine[mine.method == method]
            panel.plot(here.estimated, here.true, "o", color=color, ms=3.5, label=method, alpha=0.8)
        panel.plot([0, 1], [0, 1], color=GRAY, ls="--", lw=1)
        panel.set(title=name, xlabel="estimated Dice", xlim=(0, 1), ylim=(0, 1), aspect="equal")
        panel.grid(alpha=0.3)
    panels[0][0].set_ylabel("true Dice of the unlabelled third")
    lines, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(lines, labels, fontsize=8, ncol=4, loc="upper center", bbox_to_anchor=(0.5, 0.02))
    figure.savefig(path, dpi=90, bbox_inches="tight")
    plt.close(figure)
