"""`evanyseg triage`: which rows of a scored table deserve a look first, and an alert for pipelines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import EvanySegError
from ..io.overwrite import refuse_overwriting
from ..io.tables import check_table_output, checked_scores, open_table, score_number, write_table
from ..io.targets import on_stdout
from ..uses import alert_below, find_poor
from .support.console import band_text, interval_text, number_text, out, print_json, say, say_written, shown, table
from .support.options import BandsOption, JsonOption, OutOption, bands_of
from .support.results import check_stdout, say_layout

NAMES = ("image", "mask", "segment", "plane", "index", "label")
"""Columns that tell a person which row it is, when they are there."""


def triage(
    scores: Annotated[Path, typer.Argument(help="A table that `evanyseg score` made, of pairs or of slices.")],
    percentile: Annotated[float, typer.Option(help="The lowest part of the scores that counts as poor, in %.")] = 10.0,
    alert: Annotated[
        float | None,
        typer.Option(help="Exit with 1 when any score is below this Dice, or missing: for pipelines."),
    ] = None,
    output: OutOption = None,
    top: Annotated[int, typer.Option("--top", min=1, help="How many rows to print.")] = 20,
    bands: BandsOption = (0.9, 0.7),
    as_json: JsonOption = False,
) -> None:
    """Put the rows that need a person first.

    \b
    evanyseg triage scores.csv --percentile 10
    evanyseg triage scores.csv --percentile 5 --out look_at_these.csv
    evanyseg triage scores.csv --alert 0.7 && echo all fine

    Rows without a score are never called poor; they are listed after the poor ones.
    """
    levels = bands_of(bands)
    refuse_overwriting([output], [scores])
    check_table_output(output)
    check_stdout([output], as_json)
    given = open_table(scores, ["pred_dice"])
    say_layout(given)
    rows = list(given.rows())
    values = checked_scores(given, rows)
    kept = [i for i, r in enumerate(rows) if r.get("finding", "") != "absent"]
    rows, values = [rows[i] for i in kept], values[kept]
    columns = [c for c in given.columns if c]
    try:
        poor = find_poor(values, percentile)
        alarm = alert_below(values, alert) if alert is not None else None
    except ValueError as error:
        raise EvanySegError(str(error)) from error
    picked = [*poor.indices, *poor.unscored]
    if output is not None:
        write_table(output, columns, [dict(rows[i]) for i in picked])
    if as_json:
        document = {
            "rows": len(rows),
            "percentile": percentile,
            "threshold": poor.threshold,
            "poor": [{"row": i + 1, **rows[i]} for i in poor.indices],
            "unscored": [{"row": i + 1, **rows[i]} for i in poor.unscored],
        }
        if alarm is not None:
            document["alert"] = {
                "threshold": alarm.threshold,
                "raised": alarm.raised,
                "below": len(alarm.below),
                "unscored": len(alarm.unscored),
            }
        print_json(document)
    else:
        named = [c for c in NAMES if c in columns] or columns[:1]
        lines = [
            [
                *(shown(rows[i].get(c, "")) for c in named),
                number_text(values[i]),
                band_text(values[i], levels),
                interval_text(*(score_number(rows[i].get(c, ""), given.layout.separator) for c in ("low", "high"))),
                shown(rows[i].get("caveats", "")),
            ]
            for i in picked[:top]
        ]
        limit = number_text(poor.threshold)
        title = f"The lowest {percentile:g} %: {len(poor.indices)} of {len(rows)} rows, up to {limit}"
        out(on_stdout([output])).print(table(title, [*named, ">Dice", "Band", "Interval", "Caveats"], lines))
        if len(picked) > top:
            say(f"{len(picked) - top} more; --top or --out shows all.")
        if poor.unscored:
            say(f"{len(poor.unscored)} rows have no score.")
        say_written([output])
    if alarm is not None and alarm.raised:
        low, without = len(alarm.below), len(alarm.unscored)
        say(f"[bold]Alert:[/] {low} rows below {alarm.threshold:g}, {without} without a score.")
        raise typer.Exit(1)
