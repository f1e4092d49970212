"""`evanyseg-train adapt-eval`: what learning from a few corrected cases brings on sets that nobody trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def adapt_eval(
    data: Annotated[Path, typer.Argument(help="Data folder with index.csv.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the tables; measured sets are kept in it.")],
    sets: Annotated[str, typer.Option(help="Names of sets, separated by commas.")],
    counts: Annotated[str, typer.Option(help="Numbers of references, separated by commas.")] = "2,4,8",
    draws: Annotated[int, typer.Option(min=1, help="Draws of references.")] = 10,
    subjects: Annotated[int, typer.Option(help="Most subjects of a set.")] = 26,
    with_box: Annotated[bool, typer.Option(help="Score with the prompt's box (else the mask's own).")] = True,
    reason: Annotated[str, typer.Option(help="Why evaluate-only sets are evaluated: goes into the log.")] = "",
    log: Annotated[Path | None, typer.Option(help="The log of runs on evaluate-only sets.")] = None,
) -> None:
    """References are drawn by subject, every other subject is scored; nobody is on both sides."""
    from evanyseg.adaptation.fit import AdaptationOptions
    from evanyseg.models import segmenters
    from evanyseg.quality.builtin import load

    from ...data.readers import read
    from ...evaluation.heldout.log import append_line
    from ...experiments.adaptation.run import ADAPTED, BUILTIN, RunOptions, evaluate, measured, write
    from ...run_record import command_line, commit_of
    from ..support import check_recorded

    names = [name.strip() for name in sets.split(",") if name.strip()]
    records = list(read("index", data))
    held = sorted({r.set for r in records if r.use == "evaluate-only"} & set(names))
    check_recorded(held, reason, log)
    options = RunOptions(
        subjects=subjects, counts=tuple(int(c) for c in counts.split(",")), draws=draws, with_box=with_box
    )
    base = load()
    found = measured(records, names, out / "measured", base, segmenters.create("builtin", "cpu"), options)
    table = evaluate(found, base, AdaptationOptions(), options)
    told = (
        f"`{command_line()}` at {commit_of()}: {len(names)} sets, {draws} draws of references by subject; per draw "
        "every other subject is scored. Masks by one real network come as they are; the flat lists add synthetic "
        "errors by other code than the references' own, classical methods and heads of the built-in segmenter.\n"
    )
    write(out, table, told)
    if held and log is not None:
        mine = table[table.references == max(options.counts)].groupby("method").mae.mean()
        what = f"adapt-eval, {len(table)} trials, {len(held)} sets"
        append_line(log, commit_of(), what, reason, f"mae {mine[BUILTIN]:.3f} -> {mine[ADAPTED]:.3f}")
    typer.echo((out / "adaptation.md").read_text(encoding="utf-8"))
