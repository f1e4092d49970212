"""`evanyseg-train segmenter-eval`: Dice of the segmenter per set and size, beside what needs no training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def segmenter_eval(
    store: Annotated[Path, typer.Option(help="Data store made by prepare.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the tables and the page.")],
    weights: Annotated[Path | None, typer.Option(help="Checkpoint; the shipped weights without it.")] = None,
    most: Annotated[int, typer.Option(help="Most objects of a set.")] = 100,
    splits: Annotated[str, typer.Option(help="Which splits, joined by commas.")] = "test,heldout",
    jitter: Annotated[float, typer.Option(help="Most jitter of a box side, as a share of it.")] = 0.10,
    seed: Annotated[int, typer.Option(help="Seed of the draw and the jitter.")] = 11,
) -> None:
    """Measure the segmenter on subjects, and on data sets, that it was not trained on."""
    import time

    from evanyseg.segmenters.builtin import load

    from ...data.store import Store
    from ...evaluation.segmenters import EvalOptions, evaluate_segmenter, write_report
    from ...run_record import command_line, commit_of

    options = EvalOptions(tuple(splits.split(",")), most, jitter, seed)
    started = time.monotonic()
    cases = evaluate_segmenter(
        Store(store), load(weights, "cpu"), options, progress=lambda done, what: print(f"{done:4.0%} {what}")
    )
    page = write_report(cases, out, command_line(), commit_of(), time.monotonic() - started)
    print(page.read_text(encoding="utf-8"))
