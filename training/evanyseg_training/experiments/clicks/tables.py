"""What the curves say: macro means over sets with intervals over objects, differences paired by object."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evanyseg.metrics.bootstrap import RESAMPLES, Interval, interval, macro

from .strategies import EIG, EIG_PIXELS, LARGEST_ERROR, ORACLE, RANDOM, RANDOM_NEAR, STRATEGIES

if TYPE_CHECKING:
    import pandas as pd

PAIRS = ((EIG, RANDOM), (EIG_PIXELS, RANDOM_NEAR), (EIG, LARGEST_ERROR), (ORACLE, EIG))
"""Whose Dice after the last click are compared, on the objects that both were tried on."""


def per_object(table: pd.DataFrame, value: str) -> pd.DataFrame:
    """One row an object, strategy and click: `value`, repeated draws averaged."""
    keys = ["start", "strategy", "click", "set", "object"]
    return table.groupby(keys, as_index=False)[value].mean()


def macro_with_interval(values: pd.Series, sets: pd.Series, seed: int = 0) -> Interval:
    """Mean over sets of the mean over objects; the interval resamples objects within their sets, or the sets where each
    has one object alone."""
    rng = np.random.default_rng(seed)
    per_set = []
    of_set = [values[sets == name].to_numpy(float) for name in sorted(sets.unique())]
    if all(len(mine) == 1 for mine in of_set):
        of_set = [np.concatenate(of_set)]
    for mine in of_set:
        drawn = mine[rng.integers(len(mine), size=(RESAMPLES, len(mine)))].mean(axis=1)
        per_set.append(np.concatenate([[mine.mean()], drawn]))
    return interval(macro(np.stack(per_set)))


def curves(table: pd.DataFrame, value: str) -> pd.DataFrame:
    """Rows: start, strategy; a column a click: 'mean [low, high]'. Strategies that were tried on fewer objects (the
    oracle) are means over those."""
    import pandas as pd

    found = per_object(table, value)
    rows = []
    for (start, strategy), mine in found.groupby(["start", "strategy"]):
        objects = mine[["set", "object"]].drop_duplicates()
        row = {"start": start, "strategy": strategy, "objects": len(objects)}
        for click, here in mine.groupby("click"):
            row[f"click {click}" if click else "first prompt"] = macro_with_interval(here[value], here.set).text()
        rows.append(row)
    order = list(STRATEGIES)
    return pd.DataFrame(sorted(rows, key=lambda r: (r["start"], order.index(r["strategy"]))))


def differences(table: pd.DataFrame) -> pd.DataFrame:
    """Dice after the last click: one strategy's minus another's, on the same objects."""
    import pandas as pd

    found = per_object(table, "dice")
    last = found[found.click == found.click.max()]
    rows = []
    for start, of_start in last.groupby("start"):
        wide = of_start.pivot(index=["set", "object"], columns="strategy", values="dice")
        for one, other in PAIRS:
            if one not in wide or other not in wide:
                continue
            both = (wide[one] - wide[other]).dropna().reset_index(name="difference")
            if len(both):
                told = macro_with_interval(both.difference, both.set).text()
                rows.append({"start": start, "Dice of": one, "minus": other, "objects": len(both), "difference": told})
    return pd.DataFrame(rows)


def heads(table: pd.DataFrame) -> pd.DataFrame:
    """How much the alternatives differ after the first prompt, and what the Monte Carlo makes of it; a row a set."""
    import pandas as pd

    first = table[(table.click == 0) & (table.strategy == EIG)]
    biases = [c for c in first.columns if c.startswith(("bias_", "regret_"))]
    rows = []
    for (start, name), mine in first.groupby(["start", "set"]):
        row = {"start": start, "set": name, "objects": len(mine), "Dice between heads": mine.alike.mean(),
               "heads alike (> .95)": (mine.alike > 0.95).mean(), "largest EIG": mine.eig.mean()}  # fmt: skip
        rows.append(row | {c.replace("_", " "): mine[c].mean() for c in biases})
    return pd.DataFrame(rows)


def clicks_on_errors(table: pd.DataFrame) -> pd.DataFrame:
    """Share of a strategy's clicks that fall on a pixel which the mask has wrong."""
    clicked = table[table.click > 0].assign(on_error=lambda t: t.on_error.astype(float))
    found = clicked.groupby(["start", "strategy", "set"]).on_error.mean().groupby(["start", "strategy"]).mean()
    return found.rename("clicks on an error").reset_index()


def gain_in_words(table: pd.DataFrame) -> str:
    """For a log: the first comparison of each start."""
    rows = differences(table)
    mine = rows[(rows["Dice of"] == EIG) & (rows["minus"] == RANDOM)]
    return "; ".join(f"{r.start}: EIG - random {r.difference}" for r in mine.itertuples())
