"""`evanyseg rank`: which cases to annotate, to trust, or to look at first, when there is time for a few."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from ...audit.run import CASES
from ...errors import EvanySegError, ImageError
from ...io.overwrite import refuse_overwriting
from ...io.tables import Table, check_table_output, checked_scores, loose_number, open_table, score_number, write_table
from ...io.targets import on_stdout
from ...uses.rank import Purpose, budget_of, chosen, ranked
from ..support.console import band_text, interval_text, number_text, out, print_json, say, say_written, shown, table
from ..support.options import BandsOption, JsonOption, OutOption, bands_of
from ..support.results import check_stdout, say_layout

PLACE = ("right", "anterior", "superior")
LINES = 30


def rank(
    scores: Annotated[
        Path, typer.Argument(help="The folder that `evanyseg audit` wrote, or a table with the column pred_dice.")
    ],
    purpose: Annotated[Purpose, typer.Option("--for", help="What the cases are taken for.")],
    budget: Annotated[str, typer.Option(metavar="N|P%", help="How many cases, or which share of them.")] = "20%",
    diverse: Annotated[
        bool,
        typer.Option("--diverse", help="Of three times as many, those that differ most in size, place and quality."),
    ] = False,
    case: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column that names the case; its rows are taken together.")
    ] = "case",
    output: OutOption = None,
    bands: BandsOption = (0.9, 0.7),
    as_json: JsonOption = False,
) -> None:
    """Choose cases by predicted quality: the worst to annotate, the surest as pseudo-labels, an order to review in.

    \b
    evanyseg rank audit --for annotation --budget 20 -o annotate.csv
    evanyseg rank audit --for pseudo-labels --budget 30% --diverse -o train.csv
    evanyseg rank scores.csv --for review --case image -o order.csv

    A case counts by its worst label (pseudo-labels, review) or by the mean of its labels (annotation).
    """
    path = scores / CASES if scores.is_dir() else scores
    if scores.is_dir() and not path.is_file():
        raise ImageError(f"{scores} holds no {CASES}: give the folder that `evanyseg audit` wrote, or a table.")
    levels = bands_of(bands)
    refuse_overwriting([output], [path])
    check_table_output(output)
    check_stdout([output], as_json)
    given = open_table(path, [case, "pred_dice"])
    say_layout(given)
    rows = list(given.rows())
    if not rows:
        raise ImageError(f"The table {path.name} has no rows.")
    values = checked_scores(given, rows)
    ends = [_column(rows, name, given) for name in ("low", "high")]
    cases = {name: n for n, name in enumerate(dict.fromkeys(row[case].strip() for row in rows))}
    at = np.array([cases[row[case].strip()] for row in rows])
    dice, low, high = (_by_case(v, at, len(cases), purpose) for v in (values, *ends))
    try:
        count = budget_of(budget, len(cases))
    except ValueError as error:
        raise EvanySegError(str(error)) from None
    order = ranked(dice, low, high, purpose)
    picked = chosen(order, count, _looks(rows, at, len(cases), dice) if diverse else None)
    names = list(cases)
    chosen_rows = [
        {"rank": n + 1, case: names[i], "pred_dice": float(dice[i]), "low": float(low[i]), "high": float(high[i])}
        for n, i in enumerate(picked)
    ]
    if output is not None:
        write_table(output, list(chosen_rows[0]), chosen_rows, {"for": purpose.value, "rows": chosen_rows})
    if as_json:
        print_json({"for": purpose.value, "cases": len(cases), "chosen": chosen_rows})
    else:
        lines = [
            [str(r["rank"]), shown(str(r[case])), number_text(dice[i]), band_text(dice[i], levels),
             interval_text(low[i], high[i])]
            for r, i in zip(chosen_rows[:LINES], picked, strict=False)
        ]  # fmt: skip
        title = f"{len(picked)} of {len(cases)} cases for {purpose.value}"
        out(on_stdout([output])).print(table(title, [">", "Case", ">Dice", "Band", "Interval"], lines))
        if len(picked) > LINES:
            say(f"{len(picked) - LINES} more; --out has all.")
    say_written([output])


def _column(rows: list[dict[str, str]], name: str, given: Table) -> np.ndarray:
    """[N] of a column that `checked_scores` has checked; NaN where it is not there."""
    return np.array([score_number(row.get(name, ""), given.layout.separator) for row in rows])


def _by_case(values: np.ndarray, at: np.ndarray, count: int, purpose: Purpose) -> np.ndarray:
    """[count] of rows' values: the mean for annotation, else the worst; NaN rows count only where all are NaN."""
    found = np.full(count, np.nan)
    if purpose is not Purpose.ANNOTATION:
        np.fmin.at(found, at, values)
        return found
    known = ~np.isnan(values)
    rows, total = np.bincount(at[known], minlength=count), np.bincount(at[known], values[known], count)
    found[rows > 0] = total[rows > 0] / rows[rows > 0]
    return found


def _looks(rows: list[dict[str, str]], at: np.ndarray, count: int, dice: np.ndarray) -> np.ndarray:
    """[count, F]: what tells cases apart, where the table says it: size, place, and quality."""
    columns = [dice]
    for name in ("size", *PLACE):
        numbers = np.array([loose_number(row.get(name, "")) for row in rows])
        numbers = np.log(np.maximum(numbers, 1e-3)) if name == "size" else numbers
        if not np.isnan(numbers).all():
            columns.append(_by_case(numbers, at, count, Purpose.ANNOTATION))
    return np.column_stack(columns)
