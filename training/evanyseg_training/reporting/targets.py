"""The figures that were asked for, beside what was measured: reached or missed, said plainly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..evaluation.metric_evaluator import MACRO
from .run_report import Run

if TYPE_CHECKING:
    import pandas as pd

_HEADLINE = (("pearson", ">=", 0.87), ("spearman", ">=", 0.85), ("mae", "<=", 0.10), ("auroc<.8", ">=", 0.94))
_WELL = 0.05


@dataclass(frozen=True)
class Goal:
    """`reached` None: not measured in these runs."""

    what: str
    wanted: str
    measured: str
    reached: bool | None

    def row(self) -> tuple[str, str, str, str]:
        word = "not measured" if self.reached is None else "reached" if self.reached else "**missed**"
        return self.what, self.wanted, self.measured, word


def estimator_goals(test: Run, held: Run, paper: str | None = None) -> list[Goal]:
    """Goals of the estimator. test: run on unseen subjects of training sets; held: on evaluate-only sets; `paper`: the
    name of the paper-mode estimator in the tables."""
    return [
        *_list_goals(held, paper),
        *_selection_goals(held),
        *_interval_goals(test, held),
        *_probe_goals(held),
        *_speed_goals(test, held),
    ]


def _macro(run: Run, metric: str, which: str = "wide", mode: str = "box") -> float:
    table = run.table("figures")
    assert table is not None
    at = (table.list == which) & (table["mode"] == mode) & (table.method == run.ours) & (table.set == MACRO)
    found = table[at & (table.metric == metric)].value
    return float(found.iloc[0]) if len(found) else float("nan")


def _list_goals(run: Run, paper: str | None) -> Iterator[Goal]:
    for metric, wanted, least in (
        ("pearson", 0.87, True),
        ("spearman", 0.85, True),
        ("mae", 0.10, False),
        ("auroc<.8", 0.94, True),
    ):
        value = _macro(run, metric)
        sign = ">=" if least else "<="
        ok = value >= wanted if least else value <= wanted
        yield Goal(f"evaluate-only sets, with box: macro {metric}", f"{sign} {wanted:.2f}", f"{value:.3f}", ok)
    differences = run.summary["differences"]["wide, box"]
    for name, label in (
        ("boosting on shape", "boosting on shape features"),
        (paper, "paper mode trained on the same masks"),
    ):
        if name is None or name not in differences:
            yield Goal(f"r above {label}", ">= 0.05", "-", None)
            continue
        gap, low, high = differences[name]
        yield Goal(f"r above {label}", ">= 0.05", f"{gap:+.3f} [{low:+.3f}, {high:+.3f}]", gap >= 0.05)
    real = _macro(run, "pearson", "real")
    yield Goal("real models' masks alone, with box: macro r", ">= 0.70", f"{real:.3f}", real >= 0.70)
    natural = _macro(run, "pearson", "natural")
    yield Goal("stored predictions as they come, with box: macro r", ">= 0.70", f"{natural:.3f}", natural >= 0.70)
    box, own = _macro(run, "pearson"), _macro(run, "pearson", mode="own")
    yield Goal(
        "without a box: macro r below the figure with box by",
        "<= 0.08",
        f"{box - own:.3f} (r {own:.3f})",
        box - own <= 0.08,
    )


def _selection_goals(run: Run) -> Iterator[Goal]:
    table = run.table("selection")
    if table is None:
        yield Goal("selection closes of the gap to the oracle", ">= 60 %, interval above 0", "-", None)
        return
    row = table[table.method == run.ours].iloc[0]
    text = f"{100 * row.gap_closed:.0f} % [{100 * row['gap_closed low']:.0f}, {100 * row['gap_closed high']:.0f}]"
    ok = bool(row.gap_closed >= 0.6 and row["gap_closed low"] > 0)
    yield Goal("selection closes of the gap to the oracle", ">= 60 %, interval above 0", text, ok)


def _interval_goals(test: Run, held: Run) -> Iterator[Goal]:
    for mode, name in (("box", "with box"), ("own", "without box")):
        coverage = test.table("coverage")
        assert coverage is not None
        mine = coverage[(coverage.method == test.ours) & (coverage["mode"] == mode)].set_index("part")
        row = mine.loc["all"]
        text = f"{row.coverage:.3f} [{row.low:.3f}, {row.high:.3f}], width {row.width:.2f}"
        yield Goal(
            f"unseen subjects, {name}: coverage of 90 % intervals",
            "interval holds .90",
            text,
            bool(row.low <= 0.9 <= row.high),
        )
    for mode, name in (("box", "with box"), ("own", "without box")):
        coverage = held.table("coverage")
        assert coverage is not None
        mine = coverage[(coverage.method == held.ours) & (coverage["mode"] == mode)].set_index("part")
        what = f"evaluate-only sets, {name}: the caveat raises coverage of what remains"
        if "with caveat" not in mine.index or "without caveat" not in mine.index:
            yield Goal(what, "it does", "-", None)
            continue
        every, clear = mine.coverage["all"], mine.coverage["without caveat"]
        share = mine.cases["with caveat"] / mine.cases["all"]
        text = f"{every:.3f} -> {clear:.3f} ({100 * share:.0f} % flagged)"
        yield Goal(
            f"evaluate-only sets, {name}: the caveat raises coverage of what remains",
            "it does",
            text,
            bool(clear > every),
        )


def _probe_goals(run: Run) -> Iterator[Goal]:
    maps = run.table("maps")
    if maps is not None and len(maps):
        per_set = maps[maps["mode"] == "box"].groupby(["error", "method", "set"]).ap.mean()
        means = per_set.groupby(["error", "method"]).mean()
        for error in ("false positive", "false negative"):
            ours = means[error, "error map"]
            trivial = max(means[error, "boundary"], means[error, "box edge"])
            text = f"{ours:.3f} against {trivial:.3f}"
            yield Goal(
                f"{error} map: AP above the better trivial map", "well above", text, bool(ours >= trivial + 0.05)
            )
    for mode, name in (("box", "with box"), ("own", "without box")):
        change = run.summary["turning"][mode]["mean"]
        yield Goal(f"flips and turns change the score by, {name}", "<= 0.03", f"{change:.4f}", change <= 0.03)


def _speed_goals(test: Run, held: Run) -> Iterator[Goal]:
    for batch, limit in (("1", 40), ("16", 20)):
        value = min(run.summary["speed ms"][batch] for run in (test, held))
        what = f"time a mask at batch {batch}, two threads (the less disturbed run)"
        yield Goal(what, f"<= {limit} ms", f"{value:.1f} ms", value <= limit)


def segmenter_goals(per_set: pd.DataFrame) -> list[Goal]:
    """Goals of the segmenter, from per_set.csv of `segmenter-eval` (columns split, set, segmenter and its rivals)."""
    simple = [name for name in ("box", "ellipse", "grabcut", "otsu") if name in per_set]
    goals = []
    for split, name, wanted in (("test", "unseen subjects", 0.88), ("heldout", "evaluate-only sets", 0.80)):
        found = per_set[(per_set.split == split) & (per_set.set == MACRO)]
        if found.empty:
            continue
        row = found.iloc[0]
        best = max(simple, key=lambda column: row[column])
        gap = row.segmenter - row[best]
        goals.append(
            Goal(
                f"segmenter, {name}: macro Dice",
                f">= {wanted:.2f}",
                f"{row.segmenter:.3f}",
                bool(row.segmenter >= wanted),
            )
        )
        goals.append(Goal(f"segmenter, {name}: above {best}", ">= 0.07", f"{gap:+.3f}", bool(gap >= 0.07)))
    return goals
