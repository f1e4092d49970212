"""`evanyseg-train adapt-learners`: which learner the adaptation uses, and the units of its features."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def adapt_learners(
    data: Annotated[Path, typer.Argument(help="Data folder with index.csv.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the table; measured sets are kept in it.")],
    sets: Annotated[str, typer.Option(help="Training sets that the estimator has not seen, separated by commas.")],
    counts: Annotated[str, typer.Option(help="Numbers of references, separated by commas.")] = "2,4,8,16",
    draws: Annotated[int, typer.Option(min=1, help="Draws of references; flat lists have one.")] = 3,
    scale: Annotated[Path | None, typer.Option(help="Write the features' units, of all masks measured, here.")] = None,
) -> None:
    """Compare learners on the same references; evaluate-only sets are refused: something is chosen here."""
    import numpy as np

    from evanyseg.adaptation.fit import AdaptationOptions
    from evanyseg.adaptation.learner.scale import scale_of, write_scale
    from evanyseg.io.write import atomic_path, write_text
    from evanyseg.models import segmenters
    from evanyseg.quality.builtin import load

    from ...data.readers import read
    from ...errors import DataError
    from ...experiments.adaptation.learners import compared, learners_text
    from ...experiments.adaptation.measuring import Measuring
    from ...experiments.adaptation.run import measured
    from ...run_record import command_line, commit_of

    names = [name.strip() for name in sets.split(",") if name.strip()]
    records = list(read("index", data))
    held = sorted({r.set for r in records if r.use == "evaluate-only"} & set(names))
    if held:
        raise DataError(f"{', '.join(held)}: nothing is chosen on evaluate-only sets; name training sets.")
    found = measured(records, names, out / "measured", Measuring(load(), segmenters.create("builtin", "cpu")))
    if scale is not None:
        masks = np.concatenate([one.absolute for one in found])
        write_scale(scale, scale_of(masks), f"{len(masks)} masks of {', '.join(names)}")
    table = compared(found, [int(c) for c in counts.split(",")], draws, AdaptationOptions())
    with atomic_path(out / "learners.csv") as part:
        table.round(4).to_csv(part, index=False)
    told = f"`{command_line()}` at {commit_of()}: {len(names)} sets.\n\n"
    write_text(out / "learners.md", "# Learners for the adaptation\n\n" + told + learners_text(table))
    typer.echo((out / "learners.md").read_text(encoding="utf-8"))
