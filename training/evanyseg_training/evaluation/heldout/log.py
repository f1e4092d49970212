"""The log of every run on evaluate-only sets: from the third on they are exploratory."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

from evanyseg.io.write import write_text
from evanyseg.quality.modes import BOX

from ...data.store import Store
from ...errors import HeldoutListError, UnrecordedRunError
from ...reporting.run_report import Run
from ..metric_evaluator import MACRO

HEADER = """# Runs on evaluate-only sets

Nothing is chosen on these sets. From the third run of a kind on, its numbers are exploratory.

| date | commit | what | why | macro result |
|---|---|---|---|---|
"""
WHAT = "evaluate"


def check_log(store: Store, pairs: Path, log: Path | None, reason: str) -> None:
    """Raises UnrecordedRunError when a list has evaluate-only sets and the run would leave no trace, HeldoutListError
    where there is no list."""
    path = pairs / "pairs.csv"
    if not path.is_file():
        raise HeldoutListError(f"{pairs} has no pairs.csv; build the list with evanyseg-train heldout.")
    with path.open(newline="", encoding="utf-8") as file:
        sets = {line["set"] for line in csv.DictReader(file)}
    held = store.manifest[store.manifest.use == "evaluate-only"].set.unique()
    if sets & set(held) and (log is None or not reason):
        raise UnrecordedRunError(
            "The list has evaluate-only sets: give --reason and --log, so that the run is recorded."
        )


def append_run(log: Path, reason: str, run: Run) -> int:
    """Add the run's line (and the header to a new file); which evaluation of the log it is."""
    text = log.read_text(encoding="utf-8") if log.is_file() else HEADER
    number = 1 + sum(f"| {WHAT}, " in line for line in text.splitlines())
    metrics = run.table("metrics")
    assert metrics is not None
    mine = metrics[(metrics.method == run.ours) & (metrics.list == "balanced") & (metrics["mode"] == BOX)]
    macro = mine[mine.set == MACRO].set_index("metric").value
    result = ", ".join(f"{name} {macro[name]:.3f}" for name in ("pearson", "spearman", "mae", "auroc<.8"))
    what = f"{WHAT}, {run.summary['cases']} masks, {run.summary['sets']} sets"
    why = reason + (" (exploratory)" if number >= 3 else "")
    date = datetime.now(UTC).strftime("%Y-%m-%d")
    write_text(log, text + f"| {date} | {run.summary.get('commit', '')} | {what} | {why} | {result} |\n")
    return number


def append_line(log: Path, commit: str, what: str, why: str, result: str) -> None:
    """Add a run of another kind (and the header to a new file)."""
    text = log.read_text(encoding="utf-8") if log.is_file() else HEADER
    write_text(log, f"{text}| {datetime.now(UTC):%Y-%m-%d} | {commit} | {what} | {why} | {result} |\n")
