"""`evanyseg triage`: which rows of a scored table deserve a look first, and an alert for pipelines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.markup import escape

from ..errors import EvanySegError
from ..io.overwrite import refuse_overwriting
from ..io.tables import number, read_table, write_table
from ..uses import alert_below, find_poor
from .support.console import band_text, interval_text, number_text, out, print_json, say, table
from .support.options import BandsOption, JsonOption, OutOption, bands_of

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
    shown: Annotated[int, typer.Option("--top", min=1, help="How many rows to print.")] = 20,
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
    columns, rows = read_table(scores, ["pred_dice"])
    rows = [r for r in rows if r.get("finding", "") != "absent"]
    values = np.array([number(r["pred_dice"]) for r in rows])
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
                *(escape(rows[i].get(c, "")) for c in named),
                number_text(values[i]),
                band_text(values[i], levels),
                interval_text(number(rows[i].get("low", "")), number(rows[i].get("high", ""))),
                escape(rows[i].get("caveats", "")),
            ]
            for i in picked[:shown]
        ]
        limit = number_text(poor.threshold)
        title = f"The lowest {percentile:g} %: {len(poor.indices)} of {len(rows)} rows, up to {limit}"
        out().print(table(title, [*named, ">Dice", "Band", "Interval", "Caveats"], lines))
        if len(picked) > shown:
            say(f"{len(picked) - shown} more; --top or --out shows all.")
        if poor.unscored:
            say(f"{len(poor.unscored)} rows have no score.")
        if output is not None:
            say(f"Written: {escape(str(output))}")
    if alarm is not None and alarm.raised:
        low, without = len(alarm.below), len(alarm.unscored)
        say(f"[bold]Alert:[/] {low} rows below {alarm.threshold:g}, {without} without a score.")
        raise typer.Exit(1)
