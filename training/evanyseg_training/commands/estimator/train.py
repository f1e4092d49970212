"""`evanyseg-train estimator`: train a quality estimator on a candidate store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def estimator(
    store: Annotated[Path, typer.Argument(help="Data store made by prepare.")],
    candidates: Annotated[Path, typer.Argument(help="Candidate store made by candidates.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run; a second call goes on from it.")],
    config: Annotated[Path | None, typer.Option(help="YAML file, see configs/estimator.yaml.")] = None,
    model: Annotated[
        str | None, typer.Option(help="builtin, builtin-lite, vit-tiny, vit-b, vit-l, resnet18, resnet101.")
    ] = None,
    mode: Annotated[str | None, typer.Option(help="Input: context or paper.")] = None,
    size: Annotated[int | None, typer.Option(help="Window in pixels.")] = None,
    steps: Annotated[int | None, typer.Option(help="Length of the run.")] = None,
    start: Annotated[
        list[Path] | None,
        typer.Option(
            help="Weights to start from: a checkpoint (its averaged ones) or a .safetensors; several: the mean."
        ),
    ] = None,
    leave_out: Annotated[list[str] | None, typer.Option(help="Source held out of training.")] = None,
    devices: Annotated[int, typer.Option(help="Processes (GPUs, or CPU processes).")] = 1,
) -> None:
    """Train in `context` or `paper` mode."""
    from ...data.store import Store
    from ...estimator.config import load_options
    from ...estimator.train import train_estimator

    options = load_options(config, model=model, mode=mode, size=size, steps=steps, leave_out=leave_out)
    module = train_estimator(Store(store), candidates, out, options, start or (), devices=devices)
    print(f"{module.global_step} steps; weights in {out}")
