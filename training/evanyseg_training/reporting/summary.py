"""The headline of RESULTS.md: what was measured for the estimator and the segmenter, beside the best baseline."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evanyseg.quality.modes import BOX, MODES, NO_PROMPT

from ..evaluation.answers import REFERENCE
from ..evaluation.metric_evaluator import MACRO
from .run_report import LIST_NAMES, MODE_NAMES, Run

if TYPE_CHECKING:
    import pandas as pd

HEADLINE = ("pearson", "spearman", "mae", "auroc<.8")
CLASSICAL = ("box", "ellipse", "grabcut", "otsu")
HEADER = ("metric", "measured", "baseline", "")


@dataclass(frozen=True)
class Line:
    """One line: `baseline` is the same metric of the method named in `of`, or what the metric is read against."""

    what: str
    measured: str
    baseline: str = "-"
    of: str = ""

    def row(self) -> tuple[str, str, str, str]:
        return self.what, self.measured, self.baseline, self.of


def estimator_summary(test: Run, held: Run, paper: str | None = None) -> list[Line]:
    """test: run on unseen subjects of training sets; held: on evaluate-only sets; `paper`: the name of the paper-mode
    estimator in the tables."""
    return [
        *_metrics(held, paper),
        *_selection(held),
        *_intervals(test, held),
        *_maps(held),
        *_stability(test, held),
    ]


def _macro(run: Run, method: str, metric: str, which: str = "balanced", mode: str = BOX) -> float:
    table = run.table("metrics")
    assert table is not None
    at = (table.list == which) & (table["mode"] == mode) & (table.method == method) & (table.set == MACRO)
    found = table[at & (table.metric == metric)].value
    return float(found.iloc[0]) if len(found) else math.nan


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def _metrics(run: Run, paper: str | None) -> Iterator[Line]:
    def line(title: str, metric: str, which: str, mode: str) -> Line:
        measured, baseline = (_number(_macro(run, m, metric, which, mode)) for m in (run.ours, REFERENCE))
        return Line(f"evaluate-only sets, {title}: macro {metric}", measured, baseline, REFERENCE)

    for metric in HEADLINE:
        yield line("with box", metric, "balanced", BOX)
    for which in ("model-generated", "unfiltered"):
        yield line(f"with box, {LIST_NAMES[which]}", "pearson", which, BOX)
    yield line("without box", "pearson", "balanced", NO_PROMPT)
    differences = run.summary["differences"].get(f"balanced, {BOX}", {})
    for name, label in ((REFERENCE, REFERENCE), (paper, "paper mode trained on the same masks")):
        if name in differences:
            gap, low, high = differences[name]
            yield Line(
                "difference of macro r, with box", f"{gap:+.3f} [{low:+.3f}, {high:+.3f}]", "0", f"minus {label}"
            )


def _selection(run: Run) -> Iterator[Line]:
    table = run.table("selection")
    if table is None:
        return
    row = table[table.method == run.ours].iloc[0]
    closed = f"{100 * row.gap_closed:.0f} % [{100 * row['gap_closed low']:.0f}, {100 * row['gap_closed high']:.0f}]"
    yield Line("selection: share of the gap to the oracle that is closed", closed, "0 %", "best single segmenter")
    single = f"{row['single dice']:.3f}"
    yield Line("selection: mean Dice of the choice", f"{row.selected:.3f}", single, f"single: {row.single}")


def _intervals(test: Run, held: Run) -> Iterator[Line]:
    for name, run in (("unseen subjects", test), ("evaluate-only sets", held)):
        table = run.table("coverage")
        assert table is not None
        for mode in MODES:
            mine = table[(table.method == run.ours) & (table["mode"] == mode)].set_index("part")
            row = mine.loc["all"]
            text = f"{row.coverage:.3f} [{row.low:.3f}, {row.high:.3f}], width {row.width:.2f}"
            yield Line(f"{name}, {MODE_NAMES[mode]}: coverage of the 90 % intervals", text, "0.900", "nominal")
            if run is held and {"with caveat", "without caveat"} <= set(mine.index):
                share = mine.cases["with caveat"] / mine.cases["all"]
                what = (
                    f"{name}, {MODE_NAMES[mode]}: coverage without the {100 * share:.0f} % flagged by the OOD detector"
                )
                yield Line(what, f"{mine.coverage['without caveat']:.3f}", f"{row.coverage:.3f}", "all masks")


def _maps(run: Run) -> Iterator[Line]:
    maps = run.table("maps")
    if maps is None or not len(maps):
        return
    per_set = maps[maps["mode"] == BOX].groupby(["error", "method", "set"]).ap.mean()
    means = per_set.groupby(["error", "method"]).mean()
    for error in ("false positive", "false negative"):
        best = max(("boundary", "box edge"), key=lambda method: means[error, method])
        yield Line(
            f"{error} map: average precision", f"{means[error, 'error map']:.3f}", f"{means[error, best]:.3f}", best
        )


def _stability(test: Run, held: Run) -> Iterator[Line]:
    for mode in MODES:
        change = held.summary["turning"][mode]["mean"]
        yield Line(f"mean change of the score by flips and turns, {MODE_NAMES[mode]}", f"{change:.4f}", "0", "none")
    for batch in ("1", "16"):
        value = min(run.summary["speed ms"][batch] for run in (test, held))
        yield Line(f"time a mask at batch {batch}, two threads (the less disturbed run)", f"{value:.1f} ms")


def segmenter_summary(per_set: pd.DataFrame) -> list[Line]:
    """From per_set.csv of `segmenter-eval` (columns split, set, segmenter and the methods that need no training)."""
    simple = [name for name in CLASSICAL if name in per_set]
    lines = []
    for split, name in (("test", "unseen subjects"), ("heldout", "evaluate-only sets")):
        found = per_set[(per_set.split == split) & (per_set.set == MACRO)]
        if found.empty:
            continue
        row = found.iloc[0]
        best = max(simple, key=lambda column: row[column])
        lines.append(Line(f"segmenter, {name}: macro Dice", f"{row.segmenter:.3f}", f"{row[best]:.3f}", best))
    return lines
