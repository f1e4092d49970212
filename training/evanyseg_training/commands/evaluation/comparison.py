"""`evanyseg-train rivals`: the two small segmenters that exist for evaluation only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def rivals(
    store: Annotated[Path, typer.Option(help="Data store made by prepare.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the weight files.")],
    steps: Annotated[int, typer.Option(help="Training steps.")] = 1600,
    only: Annotated[list[str] | None, typer.Option(help="Name of a rival; all without it.")] = None,
) -> None:
    """Train them on the train split (minutes)."""
    from ...data.store import Store
    from ...evaluation.comparison.model import RIVALS, save_rival
    from ...evaluation.comparison.train import RivalPlan, train_rival

    out.mkdir(parents=True, exist_ok=True)
    opened = Store(store)
    keep = (*(s for s in RivalPlan().keep if s < steps), steps)
    for name in only or list(RIVALS):
        states = train_rival(opened, RIVALS[name], RivalPlan(keep), lambda _, what: print(what, flush=True))
        save_rival(out / f"{name}.safetensors", RIVALS[name], states)
