"""The measured numbers of an evaluation, put into the model card that ships beside the weights."""

from __future__ import annotations

import re
from pathlib import Path

from evanyseg.io.write import write_text
from evanyseg.quality.modes import BOX, NO_PROMPT

from ..errors import RunError
from ..evaluation.metric_evaluator import MACRO
from .run_report import Run, markdown_table

TITLE = "## Measured on data sets it has never seen"


def card_section(held: Run) -> str:
    """A table with one row a data set, and the macro means: with box and without."""
    metrics, coverage = held.table("metrics"), held.table("coverage")
    assert metrics is not None
    assert coverage is not None
    mine = metrics[(metrics.method == held.ours) & (metrics.list == "balanced")]
    inside = coverage[coverage.method == held.ours].set_index(["mode", "part"]).coverage

    def value(mode: str, name: str, metric: str) -> str:
        found = mine[(mine["mode"] == mode) & (mine.set == name) & (mine.metric == metric)].value
        return f"{found.iloc[0]:.2f}" if len(found) else "-"

    def share(mode: str, name: str) -> str:
        part = "all" if name == MACRO else name
        return f"{inside[mode, part]:.2f}" if (mode, part) in inside.index else "-"

    rows = []
    for name in [*sorted(s for s in mine.set.unique() if s != MACRO), MACRO]:
        counts = mine[(mine.set == name) & (mine["mode"] == BOX) & (mine.metric == "pearson")]
        with_box = (value(BOX, name, m) for m in ("sd", "pearson", "mae", "auroc<.8"))
        without = (value(NO_PROMPT, name, m) for m in ("pearson", "mae", "auroc<.8"))
        rows.append((name, int(counts.cases.iloc[0]), *with_box, share(BOX, name), *without, share(NO_PROMPT, name)))
    header = (
        "set",
        "masks",
        "SD of Dice",
        "r",
        "MAE",
        "AUROC<.8",
        "coverage",
        "r, no box",
        "MAE",
        "AUROC<.8",
        "coverage",
    )
    said = (
        "Masks of a frozen list (flat in true Dice as far as possible, half synthetic corruption and classical "
        "methods, half by models that training never saw), boxes off by 5-10 %; coverage is that of the 90 % "
        "interval; the last row is a mean over sets (coverage: over all masks). "
        f"Commit {held.summary.get('commit', '?')}. Everything else, baselines included, is in training/RESULTS.md."
    )
    return f"{TITLE}\n\n{said}\n\n{markdown_table(header, rows)}\n"


def update_card(card: Path, held: Run) -> None:
    """Put the section into the card, in the place of an older one. Raises RunError when there is no card."""
    if not card.is_file():
        raise RunError(f"There is no model card {card.name}; export the model first.")
    text = card.read_text(encoding="utf-8")
    text = re.sub(rf"{re.escape(TITLE)}\n.*?(?=\n## |\Z)", "", text, flags=re.DOTALL)
    before, mark, after = text.partition("## Data sets behind the weights")
    text = f"{before.rstrip()}\n\n{card_section(held)}\n{mark}{after}".rstrip() + "\n"
    write_text(card, text)
