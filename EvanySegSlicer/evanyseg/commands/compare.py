"""`evanyseg compare`: which segmenter is better on these samples, without ground truth?"""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from ..errors import EvanySegError, ImageError
from ..io.overwrite import files_in_table, refuse_overwriting
from ..io.tables import check_table_output, checked_scores, open_table, write_table
from ..io.targets import on_stdout
from ..scoring.table_boxes import BOX
from ..uses import Comparison, compare_segmenters
from .compare_boxes import ROW, row_log, segmented_rows
from .support.console import number_text, out, print_json, say, say_written, shown, table
from .support.loading import Placement
from .support.options import (
    BackendOption,
    BoxFrameOption,
    DeviceOption,
    EstimatorOption,
    IntensityOption,
    JsonOption,
    OutOption,
)
from .support.results import check_stdout, say_layout

RUN = "Run the segmenters here"


def compare(
    scores: Annotated[
        list[Path] | None, typer.Argument(help="Scored tables: one with all segmenters, or one for each.")
    ] = None,
    boxes: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV",
            help="Segment and score every row (image,x0,y0,x1,y1) with each --segmenter, then compare.",
            rich_help_panel=RUN,
        ),
    ] = None,
    segmenter: Annotated[
        list[str] | None,
        typer.Option("--segmenter", metavar="NAME|FILE", help="With --boxes; repeatable.", rich_help_panel=RUN),
    ] = None,
    box_frame: BoxFrameOption = None,
    estimator: EstimatorOption = "builtin",
    device: DeviceOption = "auto",
    backend: BackendOption = "auto",
    intensity: IntensityOption = None,
    table_out: Annotated[
        Path | None,
        typer.Option("--table", metavar="CSV", help="With --boxes: keep the scored rows.", rich_help_panel=RUN),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="With --table: go on with a run that was stopped.", rich_help_panel=RUN),
    ] = False,
    by: Annotated[
        str, typer.Option("--by", metavar="COLUMN", help="With one table: the column that names the segmenter.")
    ] = "segmenter",
    sample: Annotated[
        str,
        typer.Option(
            metavar="COLUMN[,COLUMN]", help="Columns that name a sample: the same object for every segmenter."
        ),
    ] = "image",
    group: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="What is resampled as a whole (patient, image). Default: the sample."),
    ] = None,
    level: Annotated[float, typer.Option(help="Level of the intervals.")] = 0.95,
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap resamples.")] = 2000,
    output: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare segmenters by their mean predicted Dice, with bootstrap intervals and paired differences.

    \b
    evanyseg compare scores.csv --by segmenter
    evanyseg compare sam.csv medsam.csv --sample image,label --group patient
    evanyseg compare --boxes boxes.csv --segmenter builtin --segmenter medsam

    Only samples count that are in every table or under every segmenter; one without a score is left out and counted.
    """
    keys = [c.strip() for c in sample.split(",") if c.strip()]
    if bool(scores) == (boxes is not None):
        raise typer.BadParameter("give scored tables, or --boxes CSV with at least two --segmenter")
    if boxes is None and (table_out is not None or resume):
        raise typer.BadParameter("--table and --resume go with --boxes")
    if resume and table_out is None:
        raise typer.BadParameter("--resume goes on with the rows of --table")
    group = group or ("image" if boxes is not None else None)
    given = open_table(boxes, ["image", *BOX, *([group] if group else [])]) if boxes is not None else None
    named = files_in_table(given, ["image"]) if given is not None else ()
    refuse_overwriting([output, table_out], chain(scores or (), segmenter or (), [estimator], named))
    check_table_output(output)
    check_stdout([output, table_out], as_json)
    if given is not None:
        if len(segmenter or []) < 2:
            raise typer.BadParameter("--boxes needs at least two --segmenter")
        keys = [ROW]
        log = row_log(given, segmenter or [], estimator, intensity, box_frame, table_out, resume)
        rows = segmented_rows(given, segmenter or [], estimator, Placement(device, backend), intensity, box_frame, log)
        say_written([table_out])
        dice = [_number(row["pred_dice"]) for row in rows]
        table_of = _by_segmenter(rows, dice, "segmenter", keys, group, given.path.name)
    elif scores and len(scores) == 1:
        table_of = _one_table(scores[0], by, keys, group)
    else:
        table_of = _several(scores or [], keys, group)
    if len(table_of) < 2:
        raise EvanySegError(f"There is only one segmenter ({', '.join(table_of)}): nothing to compare.")
    shared = set.intersection(*(set(found) for found in table_of.values()))
    if not shared:
        raise EvanySegError(f"The segmenters share no sample by {', '.join(keys)}; name the right columns by --sample.")
    samples = sorted(shared)
    left_out = len(set.union(*(set(found) for found in table_of.values()))) - len(shared)
    first = next(iter(table_of.values()))
    values = {name: np.array([found[s][0] for s in samples]) for name, found in table_of.items()}
    try:
        result = compare_segmenters(values, [first[s][1] for s in samples], level, resamples)
    except ValueError as error:
        raise EvanySegError(str(error)) from error
    document = _document(result, len(samples), left_out)
    if output is not None:
        write_table(output, list(document["segmenters"][0]), document["segmenters"], document)
    if as_json:
        print_json(document)
    else:
        _show(result, len(samples), left_out, on_stdout([output, table_out]))
        say_written([output])


_Found = dict[tuple[str, ...], tuple[float, str]]
"""Sample -> (score, group)."""


def _one_table(path: Path, by: str, keys: list[str], group: str | None) -> dict[str, _Found]:
    rows, values = _scored(path, [by, *keys, "pred_dice", *([group] if group else [])])
    return _by_segmenter(rows, values, by, keys, group, path.name)


def _scored(path: Path, needed: list[str]) -> tuple[list[dict[str, str]], list[float]]:
    """Rows of a scored table and their scores. Raises ImageError."""
    given = open_table(path, needed)
    say_layout(given)
    rows = list(given.rows())
    return rows, checked_scores(given, rows).tolist()


def _by_segmenter(
    rows: list[dict[str, str]], values: list[float], by: str, keys: list[str], group: str | None, where: str
) -> dict[str, _Found]:
    found: dict[str, _Found] = {}
    for row, value in zip(rows, values, strict=True):
        _add(found.setdefault(row[by], {}), row, value, keys, group, f"{where}, {row[by]}")
    return found


def _number(text: str) -> float:
    return float(text) if text else float("nan")


def _several(paths: list[Path], keys: list[str], group: str | None) -> dict[str, _Found]:
    found: dict[str, _Found] = {}
    for path in paths:
        name = path.stem if path.stem not in found else str(path)
        mine = found.setdefault(name, {})
        rows, values = _scored(path, [*keys, "pred_dice", *([group] if group else [])])
        for row, value in zip(rows, values, strict=True):
            _add(mine, row, value, keys, group, path.name)
    return found


def _add(found: _Found, row: dict[str, str], value: float, keys: list[str], group: str | None, where: str) -> None:
    key = tuple(row[k] for k in keys)
    if key in found:
        raise ImageError(
            f"The sample {', '.join(key)} is there twice ({where}); name further columns with --sample, "
            "for example --sample image,label."
        )
    found[key] = (value, row[group] if group else "\0".join(key))


def _document(result: Comparison, samples: int, left_out: int) -> dict:
    return {
        "samples": samples,
        "left_out": left_out,
        "level": result.level,
        "segmenters": [
            {"segmenter": m.name, "mean_pred_dice": m.mean, "low": m.low, "high": m.high, "scored": m.scored,
             "unscored": m.unscored}
            for m in result.means
        ],
        "differences": [
            {"first": d.first, "second": d.second, "difference": d.difference, "low": d.low, "high": d.high,
             "samples": d.samples, "clear": d.clear}
            for d in result.differences
        ],
    }  # fmt: skip


def _show(result: Comparison, samples: int, left_out: int, aside: bool) -> None:
    console = out(aside)
    interval = f"{result.level:.0%} interval"
    means = [
        [shown(m.name), number_text(m.mean, 3), _interval(m.low, m.high), str(m.scored), str(m.unscored or "")]
        for m in result.means
    ]
    console.print(
        table(f"{samples} samples", ["Segmenter", ">Mean pred. Dice", interval, ">Scored", ">Unscored"], means)
    )
    pairs = [
        [
            shown(f"{d.first} - {d.second}"),
            "-" if d.samples == 0 else f"{d.difference:+.3f}",
            _interval(d.low, d.high, "+"),
            str(d.samples),
            "yes" if d.clear else "no",
        ]
        for d in result.differences
    ]
    columns = ["Paired difference", ">Mean", interval, ">Samples", "Excludes 0"]
    console.print(table("Differences", columns, pairs))
    if left_out:
        say(f"{left_out} samples are not there for every segmenter and were left out.")


def _interval(low: float, high: float, sign: str = "") -> str:
    return "" if np.isnan(low) else f"{low:{sign}.3f} .. {high:{sign}.3f}"
