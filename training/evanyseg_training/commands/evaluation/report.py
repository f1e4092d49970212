"""`evanyseg-train report`: RESULTS.md from the folders of finished runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    test: Annotated[Path, typer.Option(help="Evaluation on unseen subjects of training sets.")],
    held: Annotated[Path, typer.Option(help="Evaluation on evaluate-only sets.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The page to write; plots go to `results` beside it.")],
    section: Annotated[
        list[str] | None, typer.Option(help="TITLE=FILE: a page (.md) or table (.csv) to take in.")
    ] = None,
    hours: Annotated[list[str] | None, typer.Option(help="WHAT=HOURS spent on this machine.")] = None,
    paper: Annotated[str | None, typer.Option(help="Label of the paper-mode estimator in the runs.")] = None,
    segmenter: Annotated[Path | None, typer.Option(help="Folder of segmenter-eval.")] = None,
    store: Annotated[Path | None, typer.Option(help="Data store: for the table of counts.")] = None,
    remark: Annotated[list[str] | None, typer.Option(help="A paragraph under the summary.")] = None,
    card: Annotated[Path | None, typer.Option(help="Model card to put the numbers of unseen sets into.")] = None,
    examples: Annotated[
        str | None, typer.Option(help="Estimator to show at its best and worst on generated images.")
    ] = None,
    machine: Annotated[str, typer.Option(help="What the hours were spent on.")] = "2 CPU cores, no GPU",
) -> None:
    """Generate RESULTS.md: summary, every table, plots, commands, commits, counts, hours."""
    from evanyseg.io.write import write_text

    from ...data.store import Store
    from ...reporting.card_numbers import update_card
    from ...reporting.results_page import results_page
    from ...reporting.run_report import Run

    pages = [(title, Path(file)) for title, _, file in (text.partition("=") for text in section or ())]
    spent = [(what, float(number)) for what, _, number in (text.partition("=") for text in hours or ())]
    opened = Store(store) if store is not None else None
    text = results_page(
        test=Run.read(test),
        held=Run.read(held),
        plots=out.parent / "results",
        pages=pages,
        hours=spent,
        paper=paper,
        store=opened,
        machine=machine,
        segmenter=segmenter,
        remarks=remark or (),
        examples=examples is not None,
    )
    if examples is not None:
        from evanyseg.models import estimators

        from ...reporting.examples import draw_examples, scored_examples

        draw_examples(scored_examples(estimators.create(examples)), out.parent / "results" / "examples.png")
    write_text(out, text)
    if card is not None:
        update_card(card, Run.read(held))
    print(f"{out}: {len(text.splitlines())} lines")
