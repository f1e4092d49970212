"""`evanyseg-train sentinel`: what the class of a mask adds to its predicted Dice, and masks of the wrong object."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def sentinel(
    store: Annotated[Path, typer.Argument(help="Data store made by prepare.")],
    candidates: Annotated[Path, typer.Argument(help="Candidates: segmenter, stored, other-object.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder; a second call goes on from it.")],
    names: Annotated[Path | None, typer.Option(help="Own table of class names (.safetensors, .npz, .pkl).")] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps of every arm.")] = 250,
    train: Annotated[int, typer.Option(min=1, help="Most masks of a class to train on.")] = 50,
    test: Annotated[int, typer.Option(min=1, help="Most masks of a class to measure on.")] = 30,
    others: Annotated[
        int, typer.Option(min=0, help="Most outlines of other objects, in training and in the test.")
    ] = 400,
    builtin: Annotated[bool, typer.Option(help="Also the built-in estimator on masks of the wrong object.")] = True,
    results: Annotated[Path | None, typer.Option(help="RESULTS.md: the section goes there.")] = None,
) -> None:
    """Quality Sentinel's ablation on unseen people, and how often a neat outline of the wrong object is noticed."""
    import pandas as pd

    from evanyseg.models import estimators

    from ...candidates.store import CandidateStore
    from ...data.store import Store
    from ...estimator.conditioned.class_table import BUILT_IN, read_class_table
    from ...estimator.conditioned.samples import SampleOptions, crops_of
    from ...estimator.conditioned.train import TrainOptions
    from ...experiments.sentinel.page import write_page
    from ...experiments.sentinel.run import run_ablation, scored_by
    from ...files import write_table
    from ...reporting.section import write_section
    from ...run_record import command_line, commit_of
    from ..support import created_model

    tell = lambda text: print(text, flush=True)
    masks, table = CandidateStore(candidates, Store(store)), read_class_table(names or BUILT_IN)
    samples = SampleOptions(train, test, others)
    scored, kept = None, out / "builtin.parquet"
    if builtin and others:
        if not kept.is_file():
            write_table(kept, scored_by(created_model(estimators, "builtin"), masks, others, samples.seed, tell))
        scored = pd.read_parquet(kept)
    found = run_ablation(masks, table, out, samples, TrainOptions(steps), tell)
    trained = len(crops_of(masks, table, samples, out / "crops").table) - len(found.test)
    told = f"`{command_line()}` at {commit_of()}, {steps} steps of {TrainOptions.batch}"
    page = write_page(out, found, scored, trained, told)
    if results is not None:
        write_section(results, page, "sentinel")
    typer.echo(page.read_text(encoding="utf-8"))
