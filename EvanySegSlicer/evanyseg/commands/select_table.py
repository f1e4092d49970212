"""Choosing the best candidate of each sample in a scored table."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import ImageError
from ..io.tables import check_table_output, checked_scores, open_table, write_table
from ..uses import select_best
from .support.console import print_json, say, say_written
from .support.results import check_stdout, say_layout


def select_from_table(path: Path, sample: str, output: Path | None, as_json: bool) -> None:
    """Of each sample (rows with the same value in the column `sample`) the row with the highest `pred_dice`.

    Raises ImageError, OutputError.
    """
    check_table_output(output)
    check_stdout([output], as_json)
    given = open_table(path, [sample, "pred_dice"])
    say_layout(given)
    rows = list(given.rows())
    values = checked_scores(given, rows)
    groups: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        groups.setdefault(row[sample], []).append(index)
    if not groups:
        raise ImageError(f"The table {path.name} has no rows.")
    width = max(map(len, groups.values()))
    scores = np.full((len(groups), width), np.nan)
    for line, members in enumerate(groups.values()):
        scores[line, : len(members)] = values[members]
    best = select_best(scores)
    chosen = [members[b] for members, b in zip(groups.values(), best, strict=True) if b >= 0]
    without = int((best < 0).sum())
    if output is not None:
        picked = [dict(rows[i]) for i in chosen]
        write_table(output, [c for c in given.columns if c], picked, {"rows": picked, "unscored_samples": without})
    if as_json:
        selected = [{"row": i + 1, **rows[i]} for i in chosen]
        print_json({"samples": len(groups), "selected": selected, "unscored": without})
        return
    mean = float(np.mean(values[chosen])) if chosen else float("nan")
    say(f"{len(chosen)} of {len(groups)} samples have a best candidate; its mean predicted Dice is {mean:.3f}.")
    if without:
        say(f"{without} samples have no scored candidate.")
    say_written([output])
