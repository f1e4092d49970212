"""`evanyseg-train evaluate`: every method on the same masks, in one run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

BY_HAND = 1000
"""Most masks by human annotators that are scored, of each data set."""


def evaluate(
    store: Annotated[Path, typer.Option(help="Data store made by prepare.")],
    pairs: Annotated[Path, typer.Option("--list", help="Frozen list made by heldout.")],
    candidates: Annotated[Path, typer.Option(help="Training candidates: what the baselines are fitted on.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for tables, plots and results.md.")],
    estimator: Annotated[list[str] | None, typer.Option(help="NAME, NAME:FILE or LABEL=NAME:FILE.")] = None,
    segmenter: Annotated[str | None, typer.Option(help="For the selection pool: NAME or NAME:FILE.")] = None,
    comparison: Annotated[Path | None, typer.Option(help="Folder with the comparison segmenters.")] = None,
    calibration: Annotated[Path | None, typer.Option(help="Frozen list of the calibration split (stacked).")] = None,
    single_from: Annotated[
        Path | None, typer.Option(help="Run on training sources that names the best single segmenter.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, for the log of runs on evaluate-only sets.")] = "",
    log: Annotated[Path | None, typer.Option(help="That log; needed for evaluate-only sets.")] = None,
    cache: Annotated[Path | None, typer.Option(help="Folder that keeps shape features between runs.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only that many pairs of each set (a trial).")] = None,
    pool: Annotated[int, typer.Option(help="Most prompts of a set in the selection pool.")] = 16,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples of images.")] = 2000,
) -> None:
    """Metrics with 95 % intervals, per data set and macro, with box and without; plots; results.md."""
    from evanyseg.io.write import write_text
    from evanyseg.models import estimators as known_estimators
    from evanyseg.models import segmenters as known_segmenters

    from ...candidates.mask_sources import ANNOTATOR
    from ...candidates.store import CandidateStore
    from ...data.store import Store
    from ...evaluation.answers import REFERENCE, Lists
    from ...evaluation.cases import frozen_cases, training_cases
    from ...evaluation.comparison.model import load_all
    from ...evaluation.heldout.log import append_run, check_log
    from ...evaluation.pool.build import PoolOptions
    from ...evaluation.pool.selecting import Selection
    from ...evaluation.run import EvaluateOptions, Evaluation
    from ...evaluation.run import evaluate as run_evaluation
    from ...reporting.plots import draw_all
    from ...reporting.run_report import Run, run_markdown
    from ...run_record import commit_of, write_record
    from ..support import created_model, progress_printer

    split = [text.partition("=") for text in estimator or ["builtin"]]
    named = {label: name or label for label, _, name in split}
    opened = Store(store)
    check_log(opened, pairs, log, reason)
    loaded = {label: created_model(known_estimators, name) for label, name in named.items()}
    parts = CandidateStore(candidates, opened)
    options = EvaluateOptions(limit=limit, resamples=resamples, pool=PoolOptions(pool))
    cases = frozen_cases(pairs, opened)
    by_hand = (parts.table.mask_source == ANNOTATOR) & (parts.table.split == "test")
    lists = Lists(
        cases,
        training_cases(parts, options.training_masks),
        calibration=frozen_cases(calibration, opened) if calibration is not None else None,
        annotators=training_cases(parts, BY_HAND, split="test", annotators=True)
        if by_hand.any() and "test" in set(cases.masks.table.split)
        else None,
    )
    selection = None
    if segmenter is not None:
        known = load_all(comparison) if comparison is not None else []
        single = Run.read(single_from).summary["single"] if single_from is not None else None
        selection = Selection(created_model(known_segmenters, segmenter), known, single)
    summary = run_evaluation(Evaluation(lists, loaded, selection), out, options, cache, progress_printer())
    write_record(out, "evaluate", {**summary, "estimators": list(named)})
    finished = Run.read(out)
    draw_all(out, finished.ours, REFERENCE)
    text = f"# Evaluation\n\n{summary['cases']} masks, {summary['sets']} sets, commit {commit_of()}.\n\n"
    write_text(out / "results.md", text + run_markdown(finished))
    if log is not None and "evaluate-only" in summary["uses"]:
        append_run(log, reason, finished)
    print(f"{summary['cases']} masks in {summary['minutes']} min; see {out / 'results.md'}")
