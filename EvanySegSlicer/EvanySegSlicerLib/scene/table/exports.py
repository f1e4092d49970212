"""The score table for other programs: CSV rows and rows of the HTML report."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict

from evanyseg.geometry.boxes import BoxFrame
from evanyseg.io.segmentation import segment_labels
from evanyseg.io.tables.cells import guarded
from evanyseg.report.page import ReportRow
from evanyseg.results import QualityEstimate
from evanyseg.scoring.table_boxes import FRAME

from .records import COLUMNS, ScoreRecord

HIDDEN = ("serial", "geometry", "level", "decided_hash", "corrected_from")


def csv_text(rows: Iterable[ScoreRecord]) -> str:
    """One line per row, named columns, empty cells for what is not known; Excel and pandas read it as it is."""
    names = [c for c in COLUMNS if c not in HIDDEN]
    names.insert(names.index("box") + 1, FRAME)
    out = io.StringIO()
    writer = csv.DictWriter(out, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        frame = BoxFrame.DISPLAY.value if row.box else ""
        writer.writerow({k: _cell(v) for k, v in {**asdict(row), FRAME: frame}.items()})
    return out.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return guarded(value) if isinstance(value, str) else value


def _said(row: ScoreRecord) -> str:
    """The state in words for a report, with the reviewer of a decision: 'accepted by Ann'; '' while it is open."""
    if row.state == "open":
        return ""
    return f"{row.state} by {row.reviewer}" if row.reviewer and row.state == row.decision else row.state


def report_rows(rows: Iterable[ScoreRecord], pixel_area: Callable[[ScoreRecord], float]) -> list[ReportRow]:
    """Rows of `evanyseg.report.page`, in the order given; `pixel_area`: mm2 of a pixel of the row's slice."""
    rows = list(rows)
    labels = segment_labels({row.segment_id: row.segment for row in rows})
    return [
        ReportRow(
            labels[row.segment_id],
            row.plane,
            row.index,
            row.position_mm,
            round(row.area_mm2 / pixel_area(row)),
            QualityEstimate(
                row.dice,
                row.low,
                row.high,
                0.9 if math.isnan(row.level) else row.level,
                row.estimator,
                caveats=row.caveat_list,
            ),
            ", ".join(word for word in (_said(row), row.comment) if word),
        )
        for row in rows
    ]
