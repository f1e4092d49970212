"""`evanyseg-train eig-curves`: does a segmenter understand clicks, does its own doubt say where the next belongs?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def eig_curves(
    data: Annotated[Path, typer.Argument(help="Data folder with index.csv.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for tables and plots; measured objects stay in it.")],
    sets: Annotated[str, typer.Option(help="Names of sets, separated by commas; subjects nobody trained on are used.")],
    segmenter: Annotated[str, typer.Option(help="A segmenter's name or weight file, or NAME:FILE.")] = "builtin",
    objects: Annotated[int, typer.Option(min=1, help="Most objects of a set, one a subject.")] = 24,
    oracle: Annotated[int, typer.Option(min=0, help="Of them so many with the oracle, which tries 900 clicks.")] = 4,
    clicks: Annotated[int, typer.Option(min=1, help="Clicks after the first prompt.")] = 5,
    starts: Annotated[str, typer.Option(help="First prompts: point (the paper's), box (the viewer's).")] = "point,box",
    results: Annotated[Path | None, typer.Option(help="RESULTS.md: the section goes there, plots below it.")] = None,
    reason: Annotated[str, typer.Option(help="Why evaluate-only sets are evaluated: goes into the log.")] = "",
    log: Annotated[Path | None, typer.Option(help="The log of runs on evaluate-only sets.")] = None,
) -> None:
    """EIG-guided clicks beside an oracle, the center of the largest error, and chance: Dice and largest EIG by click.

    A stopped run goes on where it was; every object is a file in OUT.
    """
    from evanyseg.models import segmenters

    from ...data.readers import read
    from ...experiments.clicks.curves import CurveOptions, run_curves, starts_of
    from ...experiments.clicks.objects import examples, records_of
    from ...experiments.clicks.page import write_page
    from ...reporting.section import write_section
    from ...run_record import command_line, commit_of
    from ..support import check_recorded, created_model

    names = list(dict.fromkeys(name.strip() for name in sets.split(",") if name.strip()))
    options = CurveOptions(clicks, oracle, tuple(starts_of(starts)))
    by_set = records_of(list(read("index", data)), names)
    held = sorted(name for name, mine in by_set.items() if any(r.use == "evaluate-only" for r in mine))
    check_recorded(held, reason, log)
    model = created_model(segmenters, segmenter)
    found = [one for name in names for one in examples(by_set[name], objects, options.seed)]
    table = run_curves(model, found, out / "objects", options, lambda text: print(text, flush=True))
    page = write_page(out, table, f"`{command_line()}` at {commit_of()}", model.name)
    if results is not None:
        write_section(results, page, "clicks")
    if held and log is not None:
        from ...evaluation.heldout.log import append_line
        from ...experiments.clicks.tables import gain_in_words

        what = f"eig-curves, {table[['set', 'object']].drop_duplicates().shape[0]} objects, {len(held)} sets"
        append_line(log, commit_of(), what, reason, gain_in_words(table))
    typer.echo(page.read_text(encoding="utf-8"))
