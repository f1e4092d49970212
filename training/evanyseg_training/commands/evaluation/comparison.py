"""`evanyseg-train comparison`: the two small segmenters that exist for evaluation only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def comparison(
    store: Annotated[Path, typer.Option(help="Data store made by prepare.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the weight files.")],
    steps: Annotated[int, typer.Option(help="Training steps.")] = 1600,
    only: Annotated[list[str] | None, typer.Option(help="Name of one of them; both without it.")] = None,
) -> None:
    """Train the comparison segmenters on the train split (minutes)."""
    from ...data.store import Store
    from ...evaluation.comparison.model import COMPARISON, save_comparison
    from ...evaluation.comparison.train import ComparisonPlan, train_comparison

    opened = Store(store)
    plan = ComparisonPlan((*(s for s in ComparisonPlan().keep if s < steps), steps))
    for name in only or list(COMPARISON):
        states = train_comparison(opened, COMPARISON[name], plan, lambda _, what: print(what, flush=True))
        save_comparison(out / f"{name}.safetensors", COMPARISON[name], states)
