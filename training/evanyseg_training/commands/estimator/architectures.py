"""`evanyseg-train architectures`: which network, which input, at equal steps, on held-out sources."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def architectures(
    store: Annotated[Path, typer.Argument(help="Data store made by prepare.")],
    candidates: Annotated[Path, typer.Argument(help="Candidate store.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the runs and architectures.csv.")],
    leave_out: Annotated[list[str], typer.Option(help="Source held out of training and evaluated on.")],
    config: Annotated[Path | None, typer.Option(help="YAML file, see configs/estimator.yaml.")] = None,
    size: Annotated[int | None, typer.Option(help="Window in pixels.")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of every run.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="MODEL:INPUT, instead of all.")] = None,
    per_set: Annotated[int, typer.Option(help="Masks scored per set.")] = 60,
) -> None:
    """Train several networks on the same masks and write one table."""
    from ...data.store import Store
    from ...estimator.compare import CONTENDERS, compare
    from ...estimator.config import load_options

    pairs = [(m, i) for m, _, i in (text.partition(":") for text in only)] if only else CONTENDERS
    options = load_options(config, size=size, steps=steps)
    table = compare(Store(store), candidates, out, options, leave_out, pairs, per_set)
    print(table.to_string(index=False))
