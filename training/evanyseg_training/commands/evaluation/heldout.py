"""`evanyseg-train heldout`: the frozen list of pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def heldout(
    data: Annotated[Path, typer.Argument(help="Data folder with index.csv, or a store made by prepare.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="New folder for the list and its masks.")],
    rivals: Annotated[Path, typer.Option(help="Folder with the rival segmenters; trained here when it is empty.")],
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
    from ...evaluation.comparison.model import RIVALS, load_rivals
    from ...evaluation.heldout.pairs import HeldoutOptions, build_heldout
    from ...evaluation.heldout.sources import rival_maker, stored_maker, synthetic_maker
    from .comparison import rivals as train_rivals

    torch.set_num_threads(max(torch.get_num_threads() // 2, 1))
    store = build_store(read("index", data), out / "store") if (data / "index.csv").is_file() else Store(data)
    missing = [name for name in RIVALS if not (rivals / f"{name}.safetensors").is_file()]
    if missing:
        train_rivals(store.folder, rivals, only=missing)
    loaded = [rival for name in RIVALS for rival in load_rivals(rivals / f"{name}.safetensors")]
    makers = [synthetic_maker(), rival_maker(loaded), stored_maker()]
    options = HeldoutOptions(split=split, objects=objects, pairs=pairs, seed=seed)
    table = build_heldout(store, out, makers, options, lambda done, what: print(f"{done:4.0%} {what}", flush=True))
    wide = table[table.wide == 1]
    print(
        wide.groupby("set").agg(pairs=("pair", "size"), images=("image", "nunique"), dice=("dice", "mean")).to_string()
    )
    print(wide.groupby(["maker"]).dice.describe()[["count", "mean", "std"]].round(3).to_string())
    print(f"{len(wide)} pairs in the wide list, {int(table.natural.sum())} natural; {out / 'pairs.csv'}")
