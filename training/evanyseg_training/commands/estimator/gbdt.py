"""`evanyseg-train gbdt`: third stage of the built-in estimator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evanyseg.quality.modes import NEAR_INFERENCE

from ..support import CurvesOption, ForegroundOption, HollowOption


def gbdt(
    store: Annotated[Path, typer.Argument(help="Data store made by prepare.")],
    candidates: Annotated[Path, typer.Argument(help="Candidate store.")],
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint written by head.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write, for calibrate and export.")],
    size: Annotated[int, typer.Option(help="Window in pixels.")] = 96,
    groups: Annotated[int, typer.Option(help="Groups of four masks.")] = 6000,
    rounds: Annotated[int, typer.Option(help="Trees of each ensemble.")] = 400,
    without_box: Annotated[float, typer.Option(help="Share of masks scored without a box.")] = 0.45,
    by_methods: Annotated[float, typer.Option(help="Share of masks by methods, not synthetic.")] = 0.6,
    blend: Annotated[float, typer.Option(min=0, max=1, help="Weight of a fit without the network's numbers.")] = 0.0,
    network: Annotated[float, typer.Option(min=0, max=1, help="Share of the network's own answer.")] = 0.0,
    flips: Annotated[bool, typer.Option(help="Average the network over mirror images.")] = False,
    texture: Annotated[float, typer.Option(min=0, max=1, help="Share of images with other texture.")] = 0.0,
    elastic: Annotated[float, typer.Option(min=0, max=1, help="Share of masks deformed with their images.")] = 0.0,
    hollow: HollowOption = 0.0,
    curves: CurvesOption = 0.0,
    foreground: ForegroundOption = 0.0,
) -> None:
    """Fit boosted trees on the mask's measured shape and the network's numbers."""
    from ...candidates.store import CandidateStore
    from ...data.store import Store
    from ...estimator.export.export import net_of
    from ...estimator.gbdt import TreeOptions, collect, fit_trees, write_trees
    from ...estimator.samples.data import UNSEEN, EstimatorData
    from ...estimator.samples.options import DataOptions

    pool = CandidateStore(candidates, Store(store))
    options = DataOptions(
        size=size,
        without_box=without_box,
        by_methods=by_methods,
        factors=NEAR_INFERENCE,
        texture=texture,
        elastic=elastic,
        hollow=hollow,
        curves=curves,
        foreground=foreground,
    )
    inputs, true = collect(net_of(checkpoint, size), EstimatorData(pool, "train", options), groups, UNSEEN, flips)
    write_trees(out, fit_trees(inputs, true, TreeOptions(rounds=rounds, blend=blend, network=network)))
    print(f"{len(true)} masks, {out.stat().st_size / 1e6:.1f} MB")
