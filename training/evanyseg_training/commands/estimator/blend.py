"""`evanyseg-train blend`: how much the trees should trust the network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from evanyseg.quality.modes import NEAR_INFERENCE, WITH_BOX, WITHOUT_BOX


def blend(
    store: Annotated[Path, typer.Argument(help="Data store made by prepare.")],
    candidates: Annotated[Path, typer.Argument(help="Candidate store.")],
    run: Annotated[Path, typer.Argument(help="Run of `estimator` that held sources out.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="CSV file to write.")],
    groups: Annotated[int, typer.Option(help="Groups of four masks that the trees are fitted on.")] = 2500,
    per_set: Annotated[int, typer.Option(help="Masks scored per held-out set.")] = 150,
    factor_box: Annotated[float, typer.Option(help="Window factor with a box.")] = WITH_BOX,
    factor_no_prompt: Annotated[float, typer.Option(help="Window factor without a prompt.")] = WITHOUT_BOX,
    texture: Annotated[float, typer.Option(help="Share of the trees' images with other texture.")] = 0.0,
    elastic: Annotated[float, typer.Option(help="Share of the trees' masks deformed with their images.")] = 0.0,
) -> None:
    """Fit trees on the run's training sources and score those that it held out, with several blend weights."""
    from ...candidates.store import CandidateStore
    from ...data.store import Store
    from ...errors import RunError
    from ...estimator.blend import blend_table
    from ...estimator.config import load_options
    from ...estimator.export.export import net_of
    from ...estimator.samples.data import EstimatorData
    from ...estimator.samples.options import DataOptions
    from ...files import write_table
    from ...run_record import command_line, commit_of

    options = load_options(run / "run.yaml")
    if not options.leave_out:
        raise RunError(f"{run} left no source out; train one with --leave-out.")
    pool = CandidateStore(candidates, Store(store), options.parts)
    left = pool.table.source.isin(options.leave_out)
    inside, outside = (sorted(pool.table.loc[use, "set"].unique()) for use in (~left, left))
    kept = {name: getattr(options.data, name) for name in ("size", "without_box", "by_methods")}
    data = DataOptions(**kept, factors=NEAR_INFERENCE)
    train = EstimatorData(pool, "train", replace(data, texture=texture, elastic=elastic), inside)
    held = EstimatorData(pool, "train", data, outside)
    net = net_of(run / "last.ckpt", options.data.size)
    table = blend_table(net, train, held, groups, per_set, (factor_box, factor_no_prompt))
    told = f"{command_line()} (network: {options.optim.steps} steps, left out: {', '.join(options.leave_out)})"
    write_table(out, table.assign(command=told, commit=commit_of()), digits=4)
    print(table.to_string(index=False))
