"""`evanyseg-train adapt-eval`: what learning from a few corrected cases brings on sets that nobody trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def adapt_eval(
    data: Annotated[Path, typer.Argument(help="Data folder with index.csv.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the tables; measured sets are kept in it.")],
    sets: Annotated[str, typer.Option(help="Names of sets, separated by commas.")],
    counts: Annotated[str, typer.Option(help="Numbers of references, separated by commas.")] = "0,2,4,8",
    draws: Annotated[int, typer.Option(min=1, help="Draws of references.")] = 10,
    flat_draws: Annotated[int, typer.Option(min=1, help="Draws of references for the flat lists.")] = 3,
    subjects: Annotated[int, typer.Option(help="Most subjects of a set with masks of all kinds.")] = 26,
    images: Annotated[int, typer.Option(help="Most images of a set in all, three a subject.")] = 26,
    comparison: Annotated[Path | None, typer.Option(help="Folder with the comparison segmenters.")] = None,
    with_box: Annotated[bool, typer.Option(help="Score with the prompt's box (else the mask's own).")] = True,
    tasks: Annotated[str, typer.Option(help="Parts of the names of the tasks to measure; all where empty.")] = "",
    reverse: Annotated[int, typer.Option(help="References of reverse classification, first draw; 0: none.")] = 0,
    further: Annotated[bool, typer.Option(help="Also the simulated review and the selection.")] = False,
    reason: Annotated[str, typer.Option(help="Why evaluate-only sets are evaluated: goes into the log.")] = "",
    log: Annotated[Path | None, typer.Option(help="The log of runs on evaluate-only sets.")] = None,
) -> None:
    """References are drawn by subject, every other subject is scored; nobody is on both sides."""
    from evanyseg.adaptation.fit import AdaptationOptions
    from evanyseg.models import segmenters
    from evanyseg.quality.builtin import load

    from ...data.readers import read
    from ...evaluation.comparison.model import load_all
    from ...evaluation.heldout.log import append_line
    from ...experiments.adaptation.measuring import Measuring
    from ...experiments.adaptation.review import evidence_table, evidence_text, review_table, review_text
    from ...experiments.adaptation.run import ADAPTED, BUILTIN, RunOptions, evaluate, measured
    from ...experiments.adaptation.selection import selection_table, selection_text
    from ...experiments.adaptation.tables import write
    from ...run_record import command_line, commit_of
    from ..support import check_recorded

    names = [name.strip() for name in sets.split(",") if name.strip()]
    records = list(read("index", data))
    held = sorted({r.set for r in records if r.use == "evaluate-only"} & set(names))
    check_recorded(held, reason, log)
    options = RunOptions(
        counts=tuple(int(c) for c in counts.split(",")),
        draws=draws,
        flat_draws=flat_draws,
        reverse=reverse,
        tasks=tuple(t.strip() for t in tasks.split(",") if t.strip()),
    )
    base, adaptation = load(), AdaptationOptions()
    networks = load_all(comparison) if comparison is not None else []
    each = 3 if images > subjects else 1
    measuring = Measuring(
        base, segmenters.create("builtin", "cpu"), networks, subjects, images, each, with_box=with_box
    )
    found = measured(records, names, out / "measured", measuring)
    table = evaluate(found, base, adaptation, options)
    told = (
        f"`{command_line()}` at {commit_of()}: {len(names)} sets, {draws} draws of references by subject ({flat_draws} "
        "for the flat lists); per draw every other subject is scored, and intervals are over sets. In review order: "
        "the references are the worst by the built-in score of four fifths of the subjects, as a review opens them. "
        "The flat lists add synthetic errors by other code than the references' own, classical methods and heads of "
        "the built-in segmenter. In brackets: the built-in interval's width if it were stretched to cover 90 %.\n"
    )
    parts = []
    if further:
        parts = [
            ("A simulated review", review_text(review_table(found, base, adaptation))),
            (
                "What half a review, worst first, tells of the rest",
                evidence_text(evidence_table(found, base, adaptation)),
            ),
            ("Selection", selection_text(selection_table(found, base, adaptation))),
        ]
    write(out, table, told, max((c for c in options.counts if c <= 8), default=max(options.counts)), parts)
    if held and log is not None:
        mine = table[table.references == max(options.counts)].groupby("method").mae.mean()
        what = f"adapt-eval, {len(table)} trials, {len(held)} sets"
        append_line(log, commit_of(), what, reason, f"mae {mine[BUILTIN]:.3f} -> {mine[ADAPTED]:.3f}")
    typer.echo((out / "adaptation.md").read_text(encoding="utf-8"))
