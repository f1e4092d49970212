"""Markdown of one evaluation run, from its tables alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evanyseg.quality.modes import MODES, NO_PROMPT

from ..data.former_names import table_path, with_current_modes, with_current_names
from ..evaluation.answers import REFERENCE, STACKED
from ..evaluation.metric_evaluator import MACRO, WITHIN

if TYPE_CHECKING:
    import pandas as pd

MODE_NAMES = {"box": "with box", NO_PROMPT: "without box"}
LIST_NAMES = {
    "balanced": "balanced list",
    "model-generated": "model-generated masks alone",
    "unfiltered": "unfiltered stored predictions",
}
HEAD = ("pearson", "spearman", WITHIN, "mae", "auroc<.8", "naurc")
REST = (
    "bias", "r2", "slope", "intercept", "ece", "auroc<.5", "ap<.8", "ap<.5", "fpr95<.8", "fpr95<.5", "aurc", "e-aurc",
    "beta 0", "beta 0.05", "beta 0.1", "beta 0.2", "beta 0.3",
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """A run folder and what it was."""

    folder: Path
    summary: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Run:
        summary = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        return cls(folder, with_current_modes(summary))

    def table(self, name: str) -> pd.DataFrame | None:
        """A table of the run by name; None where it has none."""
        import pandas as pd

        path = table_path(self.folder, name)
        return with_current_names(pd.read_csv(path)) if path.is_file() else None

    @property
    def ours(self) -> str:
        return str(self.summary["ours"])


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join([*lines, *("| " + " | ".join(str(v) for v in row) + " |" for row in rows)]) + "\n"


def markdown_of(table: pd.DataFrame) -> str:
    """A table as it is, numbers with three decimals."""
    cell = lambda v: f"{v:.3f}" if isinstance(v, float) else v
    return markdown_table(list(table.columns), ([cell(v) for v in row] for row in table.itertuples(index=False)))


def _text(found: pd.DataFrame) -> str:
    """'value [low, high]' of the one row that is left, or a dash."""
    if not len(found) or found.value.isna().all():
        return "-"
    row = found.iloc[0]
    return f"{row.value:.3f}" if row.low != row.low else f"{row.value:.3f} [{row.low:.2f}, {row.high:.2f}]"


def macro_table(table: pd.DataFrame, which: str, mode: str, metrics: Sequence[str] = HEAD) -> str:
    """Methods x metrics, macro means over data sets with 95 % intervals; best first."""
    part = table[(table.list == which) & (table["mode"] == mode) & (table.set == MACRO)]
    order = part[part.metric == "pearson"].sort_values("value", ascending=False).method
    rows = []
    for method in order:
        of_method = part[part.method == method]
        cases = of_method[of_method.metric == "pearson"].cases.max()
        rows.append((method, cases, *(_text(of_method[of_method.metric == m]) for m in metrics)))
    return markdown_table(("method", "masks", *metrics), rows)


def per_set_table(table: pd.DataFrame, which: str, mode: str, methods: Sequence[str]) -> str:
    """Sets x (r of each method; SD, MAE, AUROC of the first)."""
    part = table[(table.list == which) & (table["mode"] == mode) & (table.set != MACRO)]
    rows = []
    for name in sorted(part.set.unique()):
        of_set = part[part.set == name]
        first = of_set[of_set.method == methods[0]]
        if first.empty:
            continue
        value = lambda found, metric: _text(found[found.metric == metric])
        rows.append(
            (
                name,
                int(first.cases.max()),
                int(first.images.max()),
                value(first, "sd").split(" ")[0],
                *(value(of_set[of_set.method == m], "pearson") for m in methods),
                value(first, "mae").split(" ")[0],
                value(first, "auroc<.8").split(" ")[0],
            )
        )
    header = ("set", "masks", "images", "SD of Dice", *(f"r {m}" for m in methods), "MAE", "AUROC<.8")
    return markdown_table(header, rows)


def subgroups_table(table: pd.DataFrame, subgroup: str, mode: str) -> str:
    """Groups x methods x metrics, macro means over data sets, of one way to group."""
    part = table[(table.subgroup == subgroup) & (table["mode"] == mode) & (table.set == MACRO)]
    rows = []
    for (name, method), found in part.groupby(["list", "method"], sort=False):
        cell = lambda metric, found=found: _text(found[found.metric == metric])
        rows.append((name, method, int(found.cases.max()), cell("sd").split(" ")[0], *(cell(m) for m in HEAD)))
    return markdown_table((subgroup.replace("_", " "), "method", "masks", "SD", *HEAD), rows)


def maps_table(maps: pd.DataFrame) -> str:
    """Macro mean of the average precision of the maps; the share is that of chance."""
    per_set = maps.groupby(["mode", "error", "method", "set"])[["ap", "share", "dice"]].mean().reset_index()
    rows = []
    for (mode, error), found in per_set.groupby(["mode", "error"]):
        means = found.groupby("method")[["ap", "share", "dice"]].mean()
        count = maps[(maps["mode"] == mode) & (maps.error == error) & (maps.method == "error map")].ap.notna().sum()
        ap = means.ap
        numbers = (ap["error map"], ap["boundary"], ap["box edge"], means.share["error map"], means.dice["error map"])
        rows.append((MODE_NAMES[str(mode)], error, int(count), *(f"{v:.3f}" for v in numbers)))
    header = ("mode", "error", "masks", "AP error map", "AP boundary", "AP box edge", "AP chance", "Dice of map")
    return markdown_table(header, rows)


def distances_table(distances: pd.DataFrame) -> str:
    """Macro means over data sets."""
    rows = [
        (MODE_NAMES[str(mode)], int(of_mode.masks.sum()), len(of_mode),
         *(f"{of_mode[name].mean():.3f}" for name in ("spearman", "median error", "median truth")))
        for mode, of_mode in distances.groupby("mode")
    ]  # fmt: skip
    return markdown_table(("mode", "masks", "data sets", "spearman", "median error", "median of the truth"), rows)


def annotators_table(annotators: pd.DataFrame) -> str:
    numbers = ("mean dice", "sd", "mean answer", "pearson", "mae")
    rows = [
        (MODE_NAMES[r["mode"]], r["method"], r["rater"], r["masks"], r["images"], *(f"{r[n]:.3f}" for n in numbers))
        for r in annotators.to_dict("records")
    ]
    return markdown_table(("mode", "method", "rater", "masks", "images", *numbers), rows)


def selection_table(selection: pd.DataFrame) -> str:
    rows = [
        (
            r["method"], r["prompts"], f"{r['top1']:.3f} [{r['top1 low']:.2f}, {r['top1 high']:.2f}]",
            f"{r['regret']:.4f}", f"{r['selected']:.4f}",
            f"{100 * r['gap_closed']:.0f} % [{100 * r['gap_closed low']:.0f}, {100 * r['gap_closed high']:.0f}]",
        )
        for r in selection.sort_values("selected", ascending=False).to_dict("records")
    ]  # fmt: skip
    header = ("method", "prompts", "top-1", "regret", "mean Dice of the choice", "gap closed")
    return markdown_table(header, rows)


def run_markdown(run: Run, plots: bool = True) -> str:
    """The sections of one run. Sections whose table does not exist are left out."""
    metrics = run.table("metrics")
    assert metrics is not None
    others = [m for m in metrics.method.unique() if m not in (run.ours, REFERENCE, STACKED)]
    learned = [m for m in others if m in run.summary.get("estimators", [])]
    shown = [run.ours, REFERENCE, *learned]
    out = []
    for which in metrics.list.unique():
        for mode in MODES:
            out.append(f"#### {LIST_NAMES[which].capitalize()}, {MODE_NAMES[mode]}: macro means over data sets\n")
            out.append(macro_table(metrics, which, mode))
    out.append("#### Other metrics of the balanced list\n")
    for mode in MODES:
        part = metrics[metrics.method.isin([*shown, STACKED])]
        out.append(f"{MODE_NAMES[mode].capitalize()}:\n\n" + macro_table(part, "balanced", mode, REST))
    for which in ("balanced", "model-generated"):
        if (metrics.list == which).any():
            for mode in MODES:
                out.append(f"#### Per data set: {LIST_NAMES[which]}, {MODE_NAMES[mode]}\n")
                out.append(per_set_table(metrics, which, mode, shown))
    if plots:
        out += [f"![{p.stem.replace('_', ' ')}]({p.parent.name}/{p.name})\n" for p in _plots(run)]
    out += _other_sections(run)
    return "\n".join(out)


def _plots(run: Run) -> list[Path]:
    return sorted((run.folder / "plots").glob("*.png"))


def differences_table(run: Run, methods: Sequence[str] = (REFERENCE, STACKED)) -> str:
    """Macro r of ours minus that of other methods, from the same resamples."""
    rows = []
    for which, against in run.summary["differences"].items():
        name, _, mode = which.partition(", ")
        found = [against.get(method) for method in methods]
        cells = [f"{g[0]:+.3f} [{g[1]:+.3f}, {g[2]:+.3f}]" if g and g[0] == g[0] else "-" for g in found]
        rows.append((LIST_NAMES[name], MODE_NAMES[mode], *cells))
    return markdown_table(("list", "mode", *(f"minus {m}" for m in methods)), rows)


def _other_sections(run: Run) -> list[str]:
    out = ["#### Macro r of the estimator minus that of the others (paired)\n", differences_table(run)]
    if (subgroups := run.table("subgroups")) is not None:
        titles = {
            "size": "By object size (thirds of the list by area)",
            "fill": "By the share of its box that the object fills",
            "mask_source": "By source of the mask",
        }
        for subgroup, title in titles.items():
            for mode in MODES:
                out += [f"#### {title}, {MODE_NAMES[mode]}\n", subgroups_table(subgroups, subgroup, mode)]
    if (coverage := run.table("coverage")) is not None and len(coverage):
        mine = coverage[coverage.method == run.ours]
        shares = [f"{r.coverage:.3f} [{r.low:.2f}, {r.high:.2f}]" for r in mine.itertuples()]
        widths = [f"{w:.2f}" for w in mine.width]
        lines = zip(mine["mode"].map(MODE_NAMES), mine.part, mine.cases, shares, widths, strict=True)
        out.append("#### Coverage of the 90 % intervals (95 % interval by resampling subjects)\n")
        out.append(markdown_table(("mode", "part", "masks", "coverage", "mean width"), lines))
    if (distances := run.table("distances")) is not None and len(distances):
        out += ["#### Predicted HD95 (in diagonals of the true box; macro means)\n", distances_table(distances)]
    if (annotators := run.table("annotators")) is not None and len(annotators):
        out += ["#### Masks by human annotators (reported separately)\n", annotators_table(annotators)]
    if (controls := run.table("controls")) is not None:
        out += ["#### Controls: parts of the input taken away, with box\n", macro_table(controls, "controls", "box")]
    if (maps := run.table("maps")) is not None and len(maps):
        out += ["#### Error maps (macro means)\n", maps_table(maps)]
    if (selection := run.table("selection")) is not None:
        first = selection.iloc[0]
        out.append(
            f"#### Selection among {first['candidates']:.1f} candidates a prompt\n\nBest single segmenter by training "
            f"sources: {first['single']} (macro Dice here {first['single dice']:.4f}); oracle {first['oracle']:.4f}.\n"
        )
        out.append(selection_table(selection))
        if (singles := run.table("singles")) is not None:
            rows = [(r["segmenter"], f"{r['dice']:.4f}") for r in singles.to_dict("records")]
            out += [
                "Macro Dice of each segmenter that answers every prompt:\n",
                markdown_table(("segmenter", "Dice"), rows),
            ]
    if (pool := run.table("pool")) is not None:
        out += ["#### Masks of the built-in segmenter's heads, where its own signals exist\n"]
        out.append(macro_table(pool, "heads", "box"))
    if (audit := run.table("audit")) is not None:
        rows = [
            (r["method"], r["classes"], *(f"{r[k]:.3f}" for k in ("map@5", "map@10", "precision@5", "precision@10")))
            for r in audit.to_dict("records")
        ]
        out.append("#### Finding the worst (classes = data sets)\n")
        out.append(markdown_table(("method", "classes", "MAP@5", "MAP@10", "precision@5", "precision@10"), rows))
    turning = run.summary["turning"]
    timing = ", ".join(f"batch {k}: {v:.1f} ms" for k, v in run.summary["speed ms"].items())
    changes = ", ".join(f"{MODE_NAMES[m]} {v['mean']:.4f}" for m, v in turning.items())
    out.append(f"Flips and 90-degree turns change the score by (mean): {changes}. Time a mask: {timing}.\n")
    return out
