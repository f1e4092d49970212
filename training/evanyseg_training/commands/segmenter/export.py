"""`evanyseg-train segmenter-export`: put a run's weights, summary and model card where the engine finds them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def segmenter_export(
    weights: Annotated[Path, typer.Argument(help="A checkpoint of a segmenter run.")],
    store: Annotated[Path, typer.Option(help="The data store it was trained on.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder; the engine's own without it.")] = None,
    run: Annotated[list[Path] | None, typer.Option(help="Folder of a phase; once per phase, in order.")] = None,
    report: Annotated[Path | None, typer.Option(help="Folder of segmenter-eval.")] = None,
    licenses: Annotated[Path | None, typer.Option(help="Markdown page with the table of data sets.")] = None,
    earlier: Annotated[Path | None, typer.Option(help="The .json of weights that the first phase began with.")] = None,
) -> None:
    """Ship the segmenter: weights in 8 bits per channel, training summary, model card."""
    from evanyseg.segmenters.builtin import WEIGHTS

    from ...data.store import Store
    from ...segmenter.export import export_segmenter

    phases = run if run else [weights.parent]
    print(export_segmenter(weights, out or WEIGHTS.parent, Store(store), phases, report, licenses, earlier))
