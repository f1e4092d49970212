"""What an SPE run says: errors and correlations by set, macro means with intervals over sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evanyseg.metrics.agreement import correlation
from evanyseg.metrics.bootstrap import RESAMPLES, interval, macro
from evanyseg.performance.measures import MEASURES

if TYPE_CHECKING:
    import pandas as pd

NO_ENGINE = "-"
"""Of methods that need no reverse step."""
USEFUL = 0.5
"""Checkpoints with a true Dice above this are those that somebody would use."""


def by_set(table: pd.DataFrame, useful: bool = False) -> pd.DataFrame:
    """A row a set, engine, method, number of labelled images and metric: MAE, bias, r over checkpoints, coverage.
    useful: of checkpoints with a Dice above .5 alone; sets without one have no row."""
    import pandas as pd

    keys = ["set", "engine", "labeled", "all", "method", "metric"]
    rows = []
    for key, mine in (table[table.true_dice > USEFUL] if useful else table).groupby(keys):
        known = mine.dropna(subset=["estimated"])
        error = known.estimated - known.true
        inside = (known.low <= known.true) & (known.true <= known.high)
        rows.append(
            {
                **dict(zip(keys, key, strict=True)), "checkpoints": len(known), "mae": error.abs().mean(),
                "bias": error.mean(), "r": correlation(known.true.to_numpy(), known.estimated.to_numpy()),
                "coverage": inside.mean() if known.low.notna().any() else np.nan, "seconds": mine.seconds.mean(),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def over_sets(table: pd.DataFrame, keys: list[str], useful: bool = False) -> pd.DataFrame:
    """Macro means over sets of `by_set`, 'value [low, high]' (sets are resampled), a row for each value of `keys`."""
    import pandas as pd

    rows = []
    for key, mine in by_set(table, useful).groupby(keys, sort=False):
        row = dict(zip(keys, key, strict=True)) | {"sets": mine.set.nunique()}
        for name in ("mae", "bias", "r", "coverage"):
            row[name] = _macro(mine[name].to_numpy(float))
        rows.append(row | {"seconds": f"{mine.seconds.mean():.0f}"})
    return pd.DataFrame(rows)


def metrics_table(table: pd.DataFrame, engine: str) -> pd.DataFrame:
    """By metric and method (those that say something of all metrics), with all labelled images; engine: of the reverse
    step."""
    every = table.groupby("method").metric.nunique()
    mine = table[
        table.engine.isin((engine, NO_ENGINE)) & table["all"] & table.method.isin(every.index[every == every.max()])
    ]
    found = over_sets(mine, ["metric", "method"]).drop(columns="seconds")
    return found.sort_values("metric", key=lambda c: c.map(MEASURES.index), kind="stable")


def _macro(values: np.ndarray) -> str:
    known = values[np.isfinite(values)]
    if not len(known):
        return "-"
    drawn = np.random.default_rng(0).integers(len(known), size=(RESAMPLES, len(known)))
    return interval(np.concatenate([macro(known[:, None]), known[drawn].mean(1)])).text()
