"""What `evanyseg compare --boxes` runs: every segmenter on every row of a table of boxes, with a log to go on from."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from ..errors import ImageError
from ..geometry.boxes import BoxFrame
from ..io.tables import Table, cell
from ..pipeline.slice_pipeline import SlicePipeline
from ..scoring.boxes import COLUMNS, score_boxes
from ..scoring.pair_rows import FAILED
from ..scoring.table_boxes import BOX
from ..scoring.unfinished import RowLog
from .support.console import progress_bar, say_error
from .support.loading import Placement, load_estimator, load_segmenter
from .support.options import preset_of
from .support.results import described, identity_of

ROW = "(row)"
"""With --boxes a sample is a row of the table, whatever its cells say."""


def row_log(
    boxes: Table,
    segmenters: list[str],
    estimator: str,
    intensity: str | None,
    box_frame: BoxFrame | None,
    out: Path | None,
    resume: bool,
) -> RowLog | None:
    """Where the scored rows go, when they are kept."""
    if out is None:
        return None
    made_with = {
        "segmenters": ", ".join(identity_of(name) for name in dict.fromkeys(segmenters)),
        "estimator": identity_of(estimator),
        "intensity": intensity,
        "box frame": box_frame.value if box_frame else None,
    }
    return RowLog(out, [c for c in dict.fromkeys([*boxes.columns, *COLUMNS]) if c], described(made_with), resume)


def segmented_rows(
    boxes: Table,
    segmenters: list[str],
    estimator: str,
    where: Placement,
    intensity: str | None,
    box_frame: BoxFrame | None,
    log: RowLog | None,
) -> list[dict[str, str]]:
    """Rows of all segmenters, one network in memory at a time, as a table would hold them; those that failed in an
    earlier, stopped run are tried again, in their place."""
    preset, scorer = preset_of(intensity), load_estimator(estimator, where)
    names = list(dict.fromkeys(segmenters))
    rows = list(log.finished()) if log is not None else []
    _check_same(boxes, names, rows)
    earlier = len(rows)
    with progress_bar("Segmenting") as progress, log or nullcontext():
        for number, name in enumerate(names):
            begin = number * boxes.count
            # those that are not there yet, and those that failed before the run was stopped
            todo = [n for n in range(boxes.count) if begin + n >= earlier or _failed(rows[begin + n])]
            if not todo:
                continue
            pipeline = SlicePipeline(scorer, load_segmenter(name, where))
            part = lambda fraction, text, n=number: progress((n + fraction) / len(names), text)
            scored = score_boxes(boxes, pipeline, preset, box_frame, part, wanted=set(todo).__contains__)
            for at, row in zip(todo, scored, strict=True):
                found = {**row, "segmenter": name}
                cells = {k: str(cell(v)) for k, v in found.items()}
                if begin + at < earlier:
                    rows[begin + at] = cells
                    if log is not None:
                        log.replace(begin + at, found)
                    continue
                rows.append(cells)
                if log is not None:
                    log.write(found)
        if log is not None:
            log.finish()
    failed = [row["caveats"] for row in rows if _failed(row)]
    if failed:
        say_error(f"{len(failed)} of {len(rows)} rows failed and count as unscored; the first {failed[0]}")
    return [{**row, ROW: str(n % boxes.count)} for n, row in enumerate(rows)]


def _failed(row: dict[str, str]) -> bool:
    return row["caveats"].startswith(FAILED)


def _check_same(boxes: Table, segmenters: list[str], rows: list[dict[str, str]]) -> None:
    """Raises ImageError when rows of a stopped run are not those of this table."""
    given = ((name, row) for name in segmenters for row in boxes.rows())
    for number, (before, (name, row)) in enumerate(zip(rows, given, strict=False)):
        same = all(before[k] == v for k, v in row.items() if k not in COLUMNS or k in ("image", *BOX))
        if not same or before["segmenter"] != name:
            raise ImageError(
                f"Row {number + 1} of the stopped run is not one of {boxes.path.name}; delete its file to start again."
            )
