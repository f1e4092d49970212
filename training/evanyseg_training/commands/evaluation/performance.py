"""`evanyseg-train performance`: SPE's experiment, how well a model's metrics are estimated without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def performance(
    data: Annotated[Path, typer.Argument(help="Data folder with index.csv.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for tables and plots; finished sets stay in it.")],
    sets: Annotated[str, typer.Option(help="Names of sets that may be trained on, separated by commas.")],
    engines: Annotated[
        str, typer.Option(help="Reverse engines ('' for none); the first one also with fewer labelled images.")
    ] = "ridge,patches,registration,network",
    labeled: Annotated[
        str, typer.Option("--labelled", help="Numbers of labelled images, beside all of them.")
    ] = "4,8,16,32",
    images: Annotated[int, typer.Option(min=8, help="Most images of each third, one a subject.")] = 64,
    epochs: Annotated[int, typer.Option(min=5, help="Epochs of the small U-Net; every 5th is a checkpoint.")] = 100,
    results: Annotated[Path | None, typer.Option(help="RESULTS.md: the section goes there, its plot below it.")] = None,
) -> None:
    """Checkpoints of a small U-Net on each set: estimated against true metrics on images whose labels are kept back.

    A stopped run goes on where it was; every set is a file in OUT.
    """
    from evanyseg.models import estimators
    from evanyseg.performance.engines import DEFAULT, reverse_engine

    from ...data.readers import read
    from ...errors import DataError
    from ...experiments.adaptation.objects import Subjects, known_objects
    from ...experiments.performance.checkpoints import TrainingOptions
    from ...experiments.performance.page import write_page
    from ...experiments.performance.run import RunOptions, run_sets
    from ...reporting.section import write_section
    from ...run_record import command_line, commit_of
    from ..support import created_model

    names, wanted = (list(dict.fromkeys(p.strip() for p in text.split(",") if p.strip())) for text in (sets, engines))
    for engine in wanted:
        reverse_engine(engine)  # a wrong name is told before anything is trained
    counts = [int(part) for part in labeled.split(",") if part.strip().isdigit()]
    records = [r for r in read("index", data) if r.set in names]
    unknown = sorted(set(names) - {r.set for r in records})
    if unknown:
        raise DataError(f"There are no sets {', '.join(unknown)} in this collection.")
    kept_back = sorted({r.set for r in records if r.use != "train"})
    if kept_back:
        raise DataError(f"{', '.join(kept_back)}: evaluate-only sets are never trained on, not even for this.")
    options = RunOptions(wanted, counts, TrainingOptions(epochs=epochs, most=images))
    subjects = Subjects(3 * images, 3 * images)
    by_set = {name: list(known_objects([r for r in records if r.set == name], subjects)) for name in names}
    tell = lambda text: print(text, flush=True)
    table = run_sets(by_set, created_model(estimators, "builtin"), out, options, tell)
    page = write_page(
        out, table, f"`{command_line()}` at {commit_of()}", DEFAULT if DEFAULT in wanted else "".join(wanted[:1])
    )
    if results is not None:
        write_section(results, page, "performance")
    typer.echo(page.read_text(encoding="utf-8"))
