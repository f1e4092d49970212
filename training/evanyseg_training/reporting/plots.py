"""Plots of an evaluation's numbers; never of images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evanyseg.metrics.agreement import correlation
from evanyseg.metrics.failure import risk_coverage
from evanyseg.quality.modes import BOX, MODES

from ..candidates.mask_sources import MODEL_GENERATED
from ..data.former_names import with_current_names

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

BLUE, ORANGE, GRAY, GREEN = "#0072B2", "#D55E00", "#666666", "#009E73"
"""From the palette of Okabe and Ito: told apart by color-blind people."""


def draw_all(run: Path, ours: str, baseline: str) -> list[Path]:
    """Every plot of a run folder, as PNG in `run`/plots; their paths."""
    import matplotlib

    matplotlib.use("Agg")
    import pandas as pd

    folder = run / "plots"
    folder.mkdir(exist_ok=True)
    predictions = with_current_names(pd.read_parquet(run / "predictions.parquet"))
    out = []
    for mode in MODES:
        of_mode = predictions[(predictions["mode"] == mode) & (predictions.balanced == 1)]
        mine = of_mode[of_mode.method == ours].dropna(subset=["dice"])
        other = of_mode[of_mode.method == baseline].dropna(subset=["dice"])
        out.append(_scatter(mine, folder / f"scatter_{mode}.png"))
        out.append(_reliability(mine, other, ours, baseline, folder / f"reliability_{mode}.png"))
        out.append(_risk(of_mode, (ours, baseline, "box fill", "solidity"), folder / f"risk_coverage_{mode}.png"))
    coverage = with_current_names(pd.read_csv(run / "coverage.csv"))
    out.append(_coverage(coverage[coverage.method == ours], folder / "coverage.png"))
    return out


def _save(figure: Figure, path: Path) -> Path:
    import matplotlib.pyplot as plt

    figure.savefig(path, dpi=90, bbox_inches="tight")
    plt.close(figure)
    return path


def _scatter(table: pd.DataFrame, path: Path) -> Path:
    """One small panel a set: predicted against true Dice, with r and the SD of the truth."""
    import matplotlib.pyplot as plt

    sets = sorted(table.set.unique())
    columns = min(5, len(sets))
    rows = -(-len(sets) // columns)
    figure, panels = plt.subplots(rows, columns, figsize=(2.5 * columns, 2.6 * rows), squeeze=False)
    for panel in panels.ravel()[len(sets) :]:
        panel.axis("off")
    for name, panel in zip(sets, panels.ravel(), strict=False):
        part = table[table.set == name]
        by_models = part.mask_source.isin(MODEL_GENERATED)
        panel.plot([0, 1], [0, 1], color=GRAY, lw=0.8)
        for chosen, color, label in (
            (~by_models, BLUE, "corruption, classical"),
            (by_models, ORANGE, "model-generated"),
        ):
            panel.scatter(part.dice[chosen], part.truth[chosen], s=7, alpha=0.6, color=color, label=label)
        r = correlation(part.truth.to_numpy(), part.dice.to_numpy())
        panel.set_title(f"{name}\nr {r:.2f}, SD {part.truth.std(ddof=0):.2f}, n {len(part)}", fontsize=8)
        panel.set(xlim=(0, 1), ylim=(0, 1), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
        panel.tick_params(labelsize=7)
    panels[0, 0].legend(fontsize=6, loc="upper left")
    figure.supxlabel("predicted Dice", fontsize=9)
    figure.supylabel("true Dice", fontsize=9)
    figure.tight_layout()
    return _save(figure, path)


def _reliability(mine: pd.DataFrame, other: pd.DataFrame, ours: str, baseline: str, path: Path) -> Path:
    import matplotlib.pyplot as plt

    figure, panel = plt.subplots(figsize=(4.6, 4.2))
    panel.plot([0, 1], [0, 1], color=GRAY, lw=0.8)
    for table, name, color, mark in ((mine, ours, BLUE, "o"), (other, baseline, ORANGE, "s")):
        index = np.clip((table.dice.to_numpy() * 10).astype(int), 0, 9)
        bins = [table[index == b] for b in range(10) if (index == b).sum() >= 5]
        x, y = [b.dice.mean() for b in bins], [b.truth.mean() for b in bins]
        error = [1.96 * b.truth.std() / np.sqrt(len(b)) for b in bins]
        panel.errorbar(x, y, error, marker=mark, color=color, label=name, capsize=2, lw=1.2)
    panel.set(xlim=(0, 1), ylim=(0, 1))
    panel.set(xlabel="predicted Dice (mean of bin)", ylabel="true Dice (mean, 95 % of the mean)")
    panel.legend(fontsize=8)
    return _save(figure, path)


def _risk(table: pd.DataFrame, methods: tuple[str, ...], path: Path) -> Path:
    import matplotlib.pyplot as plt

    figure, panel = plt.subplots(figsize=(4.8, 3.8))
    for name, color, style in zip(methods, (BLUE, ORANGE, GREEN, GRAY), ("-", "--", "-.", ":"), strict=False):
        part = table[table.method == name].dropna(subset=["dice"])
        if len(part):
            panel.plot(*risk_coverage(part.truth.to_numpy(), part.dice.to_numpy()), style, color=color, label=name)
    truth = table[table.method == methods[0]].truth.to_numpy()
    panel.plot(*risk_coverage(truth, truth), color="black", lw=0.8, label="oracle")
    panel.set(xlabel="share of masks kept, highest prediction first", ylabel="mean of 1 - true Dice", xlim=(0, 1))
    panel.set_ylim(bottom=0)
    panel.legend(fontsize=8)
    return _save(figure, path)


def _coverage(table: pd.DataFrame, path: Path) -> Path:
    """Coverage with its interval for every part, the mean width written beside it."""
    import matplotlib.pyplot as plt

    parts = list(dict.fromkeys(table.part))
    place = {name: len(parts) - 1 - k for k, name in enumerate(parts)}
    figure, panels = plt.subplots(1, 2, figsize=(9, 0.24 * len(parts) + 1.2), sharey=True)
    for panel, mode in zip(panels, MODES, strict=True):
        part = table[table["mode"] == mode]
        y = part.part.map(place).to_numpy()
        error = np.clip([part.coverage - part.low, part.high - part.coverage], 0, None)
        panel.errorbar(part.coverage, y, xerr=error, fmt="o", color=BLUE, ms=4, capsize=2, lw=1)
        for height, width in zip(y, part.width, strict=True):
            panel.text(1.03, height, f"{width:.2f}", fontsize=7, va="center")
        panel.axvline(0.9, color=GRAY, lw=0.8)
        panel.set_yticks(list(place.values()), list(place), fontsize=7)
        panel.set(xlabel="coverage (right: mean width)", xlim=(0.3, 1.12))
        panel.set_title("with box" if mode == BOX else "without box", fontsize=9)
    figure.tight_layout()
    return _save(figure, path)
