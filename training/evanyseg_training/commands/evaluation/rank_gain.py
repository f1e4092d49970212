"""`evanyseg-train rank-gain`: what choosing cases by predicted Dice gains, beside entropy, MC dropout and chance."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def rank_gain(
    data: Annotated[Path, typer.Argument(help="Data folder with index.csv.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder; finished repeats stay in it.")],
    sets: Annotated[str, typer.Option(help="Names of sets that may be trained on, separated by commas.")],
    repeats: Annotated[int, typer.Option(min=2, help="Repeats, each with other people in each part.")] = 5,
    pool: Annotated[int, typer.Option(min=10, help="Images to choose from.")] = 60,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each training.")] = 100,
    results: Annotated[Path | None, typer.Option(help="RESULTS.md: the section goes there.")] = None,
) -> None:
    """Truly worst (best) cases among the chosen ones, and the Dice of a small U-Net that learns from them."""
    from evanyseg.models import estimators

    from ...data.readers import read
    from ...errors import DataError
    from ...experiments.adaptation.objects import Subjects, known_objects
    from ...experiments.selection.page import write_page
    from ...experiments.selection.run import SelectionOptions, run_selection
    from ...experiments.selection.timing import timings
    from ...reporting.section import write_section
    from ...run_record import command_line, commit_of
    from ..support import created_model

    names = list(dict.fromkeys(part.strip() for part in sets.split(",") if part.strip()))
    records = [r for r in read("index", data) if r.set in names]
    unknown = sorted(set(names) - {r.set for r in records})
    if unknown or not names:
        raise DataError(f"There are no sets {', '.join(unknown) or '(none named)'} in this collection.")
    kept_back = sorted({r.set for r in records if r.use != "train"})
    if kept_back:
        raise DataError(f"{', '.join(kept_back)}: evaluate-only sets are never trained on, not even for this.")
    options = SelectionOptions(repeats=repeats, pool=pool, steps=steps)
    needed = options.labeled + options.pool + options.test
    wanted = Subjects(needed, needed)
    by_set = {name: list(known_objects([r for r in records if r.set == name], wanted)) for name in names}
    model = created_model(estimators, "builtin")
    table = run_selection(by_set, model, out, options, lambda text: print(text, flush=True))
    timed = timings(by_set[names[0]], model)
    page = write_page(out, table, timed, options, f"`{command_line()}` at {commit_of()}", model.name)
    if results is not None:
        write_section(results, page, "selection")
    typer.echo(page.read_text(encoding="utf-8"))
