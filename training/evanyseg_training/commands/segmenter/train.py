"""`evanyseg-train segmenter`: train the built-in segmenter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def segmenter(
    config: Annotated[Path, typer.Option(help="YAML file, see configs/segmenter.yaml.")],
    store: Annotated[str | None, typer.Option(help="Data store made by prepare.")] = None,
    out: Annotated[str | None, typer.Option("--out", "-o", help="Folder of the run.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Length of the run by the clock.")] = None,
    steps: Annotated[int | None, typer.Option(help="Length of the run in steps.")] = None,
    fold: Annotated[str | None, typer.Option(help="K/N: leave out the subjects of fold K of N.")] = None,
    resume: Annotated[bool, typer.Option(help="Go on from the run's last epoch.")] = False,
    progress: Annotated[bool, typer.Option(help="Show a progress bar.")] = True,
) -> None:
    """Train the SAM-architecture segmenter on boxes, points and earlier masks."""
    from ...segmenter.config import SegmenterConfig
    from ...segmenter.train import train_segmenter

    parts = [int(v) for v in fold.split("/")] if fold else None
    loaded = SegmenterConfig.load(config, store=store, out=out, minutes=minutes, steps=steps, fold=parts)
    print(train_segmenter(loaded, resume, progress))
