"""`evanyseg-train heldout`: the frozen list of pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def heldout(
    data: Annotated[Path, typer.Argument(help="Data folder with index.csv, or a store made by prepare.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="New folder for the list and its masks.")],
    comparison: Annotated[
        Path, typer.Option(help="Folder with the comparison segmenters; trained here when it is empty.")
    ],
    split: Annotated[str, typer.Option(help="heldout (evaluate-only sets), test, calib or val.")] = "heldout",
    objects: Annotated[int, typer.Option(help="Most objects of a set.")] = 32,
    pairs: Annotated[int, typer.Option(help="Most pairs of a set.")] = 160,
    seed: Annotated[int, typer.Option(help="Seed of the list.")] = 2026,
) -> None:
    """Build (or rebuild) the list: pairs.csv and the masks beside it."""
    import torch

    from ...data.prepare import build_store
    from ...data.readers import read
    from ...data.store import Store
    from ...evaluation.comparison.model import COMPARISON, load_all
    from ...evaluation.heldout.pairs import HeldoutOptions, build_heldout
    from ...evaluation.heldout.sources import comparison_source, stored_source, synthetic_source
    from ..support import progress_printer
    from .comparison import comparison as train_comparison

    torch.set_num_threads(max(torch.get_num_threads() // 2, 1))
    store = build_store(read("index", data), out / "store") if (data / "index.csv").is_file() else Store(data)
    missing = [name for name in COMPARISON if not (comparison / f"{name}.safetensors").is_file()]
    if missing:
        train_comparison(store.folder, comparison, only=missing)
    mask_sources = [synthetic_source(), comparison_source(load_all(comparison)), stored_source(store)]
    options = HeldoutOptions(split=split, objects=objects, pairs=pairs, seed=seed)
    table = build_heldout(store, out, mask_sources, options, progress_printer(0))
    balanced = table[table.balanced == 1]
    per_set = {"pairs": ("pair", "size"), "images": ("image", "nunique"), "dice": ("dice", "mean")}
    print(balanced.groupby("set").agg(**per_set).to_string())
    print(balanced.groupby(["mask_source"]).dice.describe()[["count", "mean", "std"]].round(3).to_string())
    print(f"{len(balanced)} balanced pairs, {int(table.unfiltered.sum())} unfiltered; {out / 'pairs.csv'}")
