"""`evanyseg-train head`: second stage of the built-in estimator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from evanyseg.quality.modes import WITH_BOX, WITHOUT_BOX

from ..support import CurvesOption, ForegroundOption, HollowOption


def head(
    store: Annotated[Path, typer.Argument(help="Data store made by prepare.")],
    candidates: Annotated[Path, typer.Argument(help="Candidate store.")],
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint of an estimator run (model builtin).")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Checkpoint to write, for calibrate and export.")],
    size: Annotated[int, typer.Option(help="Window in pixels.")] = 96,
    groups: Annotated[int, typer.Option(help="Stored groups of four masks.")] = 6000,
    epochs: Annotated[int, typer.Option(help="Most epochs over them.")] = 40,
    seconds: Annotated[float, typer.Option(help="Longest time to spend on storing.")] = 3600,
    without_box: Annotated[float, typer.Option(help="Share of masks scored without a box.")] = 0.45,
    by_methods: Annotated[float, typer.Option(help="Share of masks by methods, not synthetic.")] = 0.6,
    hollow: HollowOption = 0.0,
    curves: CurvesOption = 0.0,
    foreground: ForegroundOption = 0.0,
    factor_box: Annotated[float, typer.Option(help="Window factor with a box.")] = WITH_BOX,
    factor_no_prompt: Annotated[float, typer.Option(help="Window factor without a prompt.")] = WITHOUT_BOX,
) -> None:
    """Train the head, with the measured shape of the mask, on stored outputs of the frozen trunk."""
    from ...candidates.store import CandidateStore
    from ...data.store import Store
    from ...estimator.export.export import net_of
    from ...estimator.head import HeadOptions, save_as_checkpoint, second_stage
    from ...estimator.samples.data import EstimatorData
    from ...estimator.samples.options import DataOptions

    pool = CandidateStore(candidates, Store(store))
    options = DataOptions(size=size, without_box=without_box, by_methods=by_methods)
    train = EstimatorData(pool, "train", replace(options, hollow=hollow, curves=curves, foreground=foreground))
    val = EstimatorData(pool, "val", options)
    net = net_of(checkpoint, size)
    chosen = HeadOptions(groups=groups, epochs=epochs)
    history = second_stage(net, train, val, (factor_box, factor_no_prompt), chosen, seconds=seconds)
    save_as_checkpoint(net, out)
    for name, row in (("before", history[0]), ("best", max(history, key=lambda h: h["score"]))):
        print(name, {k: round(v, 4) for k, v in row.items()})
