"""The tables of a selection pool."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ...files import write_table
from ..cases import CaseSet
from ..metric_evaluator import HEADLINE, MetricEvaluator, long_table
from ..predictions import Predictions
from .matrix import best_single, selection_results


def write_selection(
    pool: CaseSet, methods: Mapping[str, Predictions], single: str | None, out: Path, resamples: int
) -> str:
    """Write pool_masks.csv, pool.csv, selection.csv and singles.csv; the name of the single segmenter compared with.

    pool.csv has headline metrics on all masks (list 'pool') and on the segmenter's own, where its signals exist
    ('heads'). `single` None: the best by macro Dice of this very pool, which must then be on training sources.
    """
    import pandas as pd

    write_table(out / "pool_masks.csv", pool.table)
    evaluator = MetricEvaluator(pool.table, resamples)
    measured = {("pool", "box", n): evaluator.measure(p.dice, HEADLINE) for n, p in methods.items()}
    signalled = np.flatnonzero(np.isfinite(pool.table["predicted iou"]))
    heads = MetricEvaluator(pool.table.iloc[signalled].reset_index(drop=True), resamples)
    measured |= {("heads", "box", n): heads.measure(p.dice[signalled], HEADLINE) for n, p in methods.items()}
    write_table(out / "pool.csv", long_table(measured, {"pool": evaluator, "heads": heads}))

    single = single or best_single(pool.table)
    results, singles = selection_results(pool.table, methods, single)
    rows = []
    for name, result in results.items():
        row = {
            "method": name, "prompts": result.prompts, "candidates": result.candidates, "single": single,
            "single dice": result.best_single, "oracle": result.oracle,
        }  # fmt: skip
        for key in ("top1", "regret", "selected", "gap_closed"):
            found = getattr(result, key)
            row |= {key: found.value, f"{key} low": found.low, f"{key} high": found.high}
        rows.append(row)
    write_table(out / "selection.csv", pd.DataFrame(rows))
    write_table(out / "singles.csv", pd.DataFrame(singles.items(), columns=["segmenter", "dice"]))
    return single
