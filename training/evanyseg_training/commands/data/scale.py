"""`evanyseg-train shards` and `scale`: training on data that does not fit in memory, on several GPUs and nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def shards(
    store: Annotated[Path, typer.Argument(help="Data store made by prepare.")],
    candidates: Annotated[Path, typer.Argument(help="Candidate store made by candidates.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the shards.")],
    split: Annotated[str, typer.Option(help="Split whose candidates are written.")] = "train",
    shard: Annotated[str, typer.Option(help="K/N: every N-th object from K on, for N writers at once.")] = "0/1",
) -> None:
    """Write candidates as Parquet shards: one row an object, with its image and all its masks."""
    from ...candidates.store import CandidateStore
    from ...data.store import Store
    from ...estimator.samples.shards import write_shards

    first, of = (int(n) for n in shard.split("/"))
    opened = Store(store)
    objects, masks = write_shards(opened, CandidateStore(candidates, opened), out, split, (first, of))
    print(f"{objects} objects, {masks} masks in {out}")


def scale(
    folder: Annotated[Path, typer.Argument(help="Folder made by shards.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run; a second call goes on from it.")],
    config: Annotated[Path | None, typer.Option(help="YAML file, see configs/scale_sa_med2d.yaml.")] = None,
    devices: Annotated[int | None, typer.Option(help="Processes on each node; all GPUs without it.")] = None,
    nodes: Annotated[int, typer.Option(help="Nodes.")] = 1,
    strategy: Annotated[str, typer.Option(help="Lightning's strategy.")] = "auto",
    steps: Annotated[int | None, typer.Option(help="Length of the run.")] = None,
) -> None:
    """Train an estimator from shards."""
    from ...estimator.config import load_options
    from ...estimator.train_shards import train_from_shards

    options = load_options(config, steps=steps)
    module = train_from_shards(folder, out, options, devices or "auto", nodes, strategy=strategy)
    print(f"{module.global_step} steps; weights in {out}")


def throughput(
    folder: Annotated[Path, typer.Argument(help="Folder made by shards.")],
    model: Annotated[list[str] | None, typer.Option(help="MODEL:MODE:SIZE; several allowed.")] = None,
    masks: Annotated[int, typer.Option(help="Masks of the projected run.")] = 619_044,
    epochs: Annotated[int, typer.Option(help="Epochs of the projected run.")] = 30,
) -> None:
    """Measure what training costs on a core of this machine, and project a run of the paper's size."""
    from ...estimator.throughput import measure

    print("| model | input | parameters, M | data, masks/s/core | training, masks/s/core | projected core-hours |")
    print("|---|---|---|---|---|---|")
    for text in model or ["builtin:context:128", "resnet18:paper:224", "resnet101:paper:224", "vit-b:paper:224"]:
        name, mode, size = text.split(":")
        found = measure(folder, name, mode, int(size))
        print(
            f"| {name} | {mode} {size} px | {found.parameters:.1f} | {found.data_per_core:.1f} | "
            f"{found.training_per_core:.2f} | {found.hours(masks, epochs, 1):,.0f} |",
            flush=True,
        )
