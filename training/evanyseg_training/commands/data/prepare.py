"""`evanyseg-train prepare`: data folders -> one store with a manifest and subject-wise splits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def prepare(
    root: Annotated[Path, typer.Argument(help="Data folder, or CSV file for --reader csv.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="New folder for the store.")],
    reader: Annotated[str, typer.Option(help="index, csv, pairs, sa-med2d or decathlon.")] = "index",
    slices: Annotated[int, typer.Option(help="Most slices of one volume for one label.")] = 12,
    slices_of: Annotated[list[str] | None, typer.Option(help="SET=N: the same for one set.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the splits.")] = 20240914,
) -> None:
    """Cache images and masks, list every object, split by (source, subject)."""
    from rich.progress import Progress as Bar

    from ...data.manifest import SplitPlan
    from ...data.prepare import PrepareOptions, build_store
    from ...data.readers import read
    from ...errors import OptionError

    per_set = {}
    for text in slices_of or ():
        name, _, count = text.rpartition("=")
        if not name or not count.isdigit() or int(count) < 1:
            raise OptionError(f"--slices-of {text} is not SET=N; write for example --slices-of hippocampus=6.")
        per_set[name] = int(count)
    options = PrepareOptions(slices, per_set, plan=SplitPlan(seed=seed))
    with Bar() as bar:
        task = bar.add_task("preparing", total=1.0)
        store = build_store(
            read(reader, root), out, options, lambda done, what: bar.update(task, completed=done, description=what)
        )
    rows = store.manifest
    print(f"{len(store.images)} images, {(rows.kind == 'object').sum()} objects, "
          f"{(rows.kind == 'prediction').sum()} stored predictions in {out}")  # fmt: skip
    print(rows[rows.kind == "object"].groupby("split").size().to_string())
