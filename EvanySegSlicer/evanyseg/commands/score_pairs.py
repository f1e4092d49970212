"""What `evanyseg score --pairs` does: a table of pairs becomes a table with scores."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import typer

from ..bands import BandThresholds
from ..errors import EvanySegError
from ..geometry.boxes import BoxFrame
from ..io.overwrite import files_in_table, refuse_overwriting
from ..io.tables import Table, check_table_output, open_table
from ..scoring.pair_rows import PairOptions
from ..scoring.pairs import log_of_pairs, score_table
from .support.console import number_text, print_json, progress_bar, say, say_error, say_row_notes, say_written
from .support.loading import Placement
from .support.options import preset_of
from .support.results import check_stdout, described, identity_of, say_layout
from .support.scorers import row_scorer

PAIR = ("image", "mask")


def score_pairs(
    pairs: Path,
    output: Path,
    label_column: str | None,
    box_frame: BoxFrame | None,
    estimator: str,
    where: Placement,
    intensity: str | None,
    bands: BandThresholds,
    as_json: bool,
    allow_cropped: bool,
    resume: bool,
    threshold: float | str | None,
    names: str | None,
    cluster: str | None = None,
    shard: str | None = None,
) -> None:
    preset = preset_of(intensity)
    given = open_table(pairs, [*PAIR, *([label_column] if label_column else [])])
    refuse_overwriting([output], chain([estimator, names], files_in_table(given, PAIR)))
    check_table_output(output, json=False, parquet=True)
    check_stdout([output], as_json)
    say_layout(given)
    if shard is not None:
        given = _shard(given, shard)
    made_with = {
        "estimator": identity_of(estimator),
        "intensity": intensity,
        "label column": label_column,
        "box frame": box_frame.value if box_frame else None,
        "threshold": threshold,
        "names": identity_of(names) if names else None,
        "cropped masks": "allowed" if allow_cropped else None,
        "shard": shard,
    }
    log = log_of_pairs(given, output, described(made_with), resume)
    options = PairOptions(preset, label_column, allow_cropped, threshold, box_frame, names)
    with (
        row_scorer(estimator, where, options, cluster) as scorer,
        progress_bar("Scoring pairs", given.count, "rows") as progress,
    ):
        result = score_table(scorer, given, log, progress)
    scored = [s for s in result.scores if s == s]
    counts = {band: sum(bands.band(s).value == band for s in result.scores) for band in ("good", "check", "poor")}
    mean = sum(scored) / len(scored) if scored else float("nan")
    summary = {"rows": result.rows, "failed": result.failed, "unscored": result.unscored, "mean_pred_dice": mean}
    if as_json:
        failures = [{"row": n, "error": text} for n, text in result.failures]
        remarks = [{"row": n, "remark": text} for n, text in result.remarks]
        document = {"pairs": str(pairs), "out": str(output), **summary, "bands": counts, "failures": failures}
        print_json({**document, "remarked": result.remarked, "remarks": remarks})
    else:
        say_row_notes(result.remarks, result.remarked)
        words = ", ".join(f"{n} {band}" for band, n in counts.items())
        say(f"{result.rows} rows: {words}, {result.unscored} unscored; mean predicted Dice {number_text(mean)}.")
        say_written([output])
    if result.failed:
        for number, text in result.failures:
            say_error(f"row {number}: {text}")
        more = result.failed - len(result.failures)
        tail = f" ({more} more: see the column caveats)" if more else ""
        others = "none is scored" if result.failed == result.rows else "the others are scored"
        say_error(f"{result.failed} of {result.rows} rows failed{tail}; {others}.")
        raise typer.Exit(1)


def _shard(table: Table, text: str) -> Table:
    """Raises EvanySegError."""
    number, _, of = text.partition("/")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise EvanySegError(f"--shard {text}: write I/N, as 2/8 for the second of eight parts.")
    return table.part(int(number), int(of))
