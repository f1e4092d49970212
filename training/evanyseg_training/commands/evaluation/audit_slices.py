"""`evanyseg-train audit-slices`: the error that an audit's few slices of a volume cost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def audit_slices(
    data: Annotated[Path, typer.Argument(help="Data folder with index.csv.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the page and its table.")],
    sets: Annotated[str, typer.Option(help="Names of sets of volumes, separated by commas.")],
    volumes: Annotated[int, typer.Option(min=2, help="Most volumes of a set.")] = 40,
    counts: Annotated[str, typer.Option(help="Numbers of slices.")] = "5,10,20",
    results: Annotated[Path | None, typer.Option(help="RESULTS.md: the section goes there.")] = None,
    reason: Annotated[str, typer.Option(help="Why evaluate-only sets are looked at: goes into the log.")] = "",
    log: Annotated[Path | None, typer.Option(help="The log of runs on evaluate-only sets.")] = None,
) -> None:
    """Mean predicted Dice over a few slices of a volume beside the mean over all of them."""
    import pandas as pd

    from evanyseg.models import estimators
    from evanyseg.pipeline.slice_pipeline import SlicePipeline

    from ...data.readers import read
    from ...errors import DataError
    from ...experiments.audit_slices import measured_labels, summary, write_page
    from ...reporting.section import write_section
    from ...run_record import command_line, commit_of
    from ..support import check_recorded, created_model

    names = list(dict.fromkeys(name.strip() for name in sets.split(",") if name.strip()))
    records = [r for r in read("index", data) if r.set in names and r.is_3d]
    missing = sorted(set(names) - {r.set for r in records})
    if missing:
        raise DataError(f"There are no volumes of {', '.join(missing)} in this collection.")
    held = sorted({r.set for r in records if r.use == "evaluate-only"})
    check_recorded(held, reason, log)
    kept = []
    for name in names:
        images = sorted({r.image for r in records if r.set == name})[:volumes]
        kept += [r for r in records if r.set == name and r.image in images]
    model = created_model(estimators, "builtin")
    numbers = [int(part) for part in counts.split(",") if part.strip().isdigit()]
    rows = measured_labels(kept, SlicePipeline(model), numbers, lambda text: print(text, flush=True))
    table = pd.DataFrame(list(rows))
    if not len(table):
        raise DataError(f"No label is on more than {min(numbers)} slices of a volume.")
    page = write_page(out, table, f"`{command_line()}` at {commit_of()}", model.name)
    if results is not None:
        write_section(results, page, "audit")
    if held and log is not None:
        from ...evaluation.heldout.log import append_line

        found = summary(table[table.set.isin(held)])
        words = "; ".join(f"{r.set} {r.label}, {r[4]} slices: {r.difference}" for r in found.itertuples(index=False))
        append_line(log, commit_of(), f"audit-slices, {len(held)} sets", reason, words)
    typer.echo(page.read_text(encoding="utf-8"))
