"""`evanyseg merge`: the scored parts of a table become one table again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...errors import ImageError
from ...io.overwrite import refuse_overwriting
from ...io.tables import Table, check_table_output, open_table, write_table
from ...io.tables.parquet import SUFFIX, write_parquet_table
from ...io.write import ending
from ...scoring.pair_rows import ADDED
from ...scoring.table_boxes import FRAME
from ..support.console import say, say_written


def merge(
    pairs: Annotated[Path, typer.Argument(metavar="PAIRS", help="The table that was scored in parts.")],
    parts: Annotated[
        list[Path], typer.Argument(metavar="PART...", help="Tables that `score --shard` wrote, in any order.")
    ],
    output: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="The whole table: .csv, .tsv or .parquet.")
    ],
) -> None:
    """Join tables that `score --pairs TABLE --shard I/N` made, in the order of TABLE.

    \b
    evanyseg score --pairs big.csv --shard 1/2 -o part1.csv      # here
    evanyseg score --pairs big.csv --shard 2/2 -o part2.csv      # there
    evanyseg merge big.csv part1.csv part2.csv -o scores.csv

    Every row is compared with the table's: a part that is missing, twice, or of another table is refused.
    """
    refuse_overwriting([output], [pairs, *parts])
    check_table_output(output, json=False, parquet=True)
    table = open_table(pairs, ["image", "mask"])
    opened = [open_table(path, ["image", "mask", *ADDED]) for path in parts]
    columns = [c for c in opened[0].columns if c]
    for other in opened[1:]:
        if [c for c in other.columns if c] != columns:
            raise ImageError(
                f"{other.path.name} and {opened[0].path.name} have other columns: they were made otherwise."
            )
    ordered = _in_order(table, opened)
    rows = (row for part in ordered for row in part.rows())
    if ending(output) == SUFFIX:
        write_parquet_table(output, columns, rows)
    else:
        write_table(output, columns, rows)
    say(f"{table.count} rows of {len(parts)} parts.")
    say_written([output])


def _in_order(table: Table, parts: list[Table]) -> list[Table]:
    """The parts as they follow each other. Raises ImageError that names the first row which no part has."""
    given = [c for c in table.columns if c and c not in (*ADDED, FRAME)]
    left, ordered = list(parts), []
    rows, done = table.rows(), 0
    ahead: list[dict[str, str]] = []
    while done < table.count:
        ahead = ahead or [next(rows)]
        same = lambda row, wanted: all(row.get(name) == wanted[name] for name in given)
        found = next((p for p in left if p.count and same(next(iter(p.rows())), ahead[0])), None)
        if found is None:
            raise ImageError(
                f"Row {done + 1} of {table.path.name} ({ahead[0]['image']}) begins no part: one is missing."
            )
        for number, row in enumerate(found.rows()):
            wanted = ahead.pop() if ahead else next(rows, None)
            if wanted is None or not same(row, wanted):
                name, at = found.path.name, done + number + 1
                raise ImageError(f"Row {number + 1} of {name} is not row {at} of {table.path.name}: not a part of it.")
        done += found.count
        left.remove(found)
        ordered.append(found)
    over = [p.path.name for p in left if p.count]
    if over:
        raise ImageError(f"{', '.join(over)} holds rows that another part has already; give each part once.")
    return ordered
