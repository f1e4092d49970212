"""The score table for other programs: CSV rows and the header of the HTML report."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from evanyseg.bands import BandThresholds
from evanyseg.io.tables.cells import guarded
from evanyseg.report.page import ReportRow
from evanyseg.results import QualityEstimate
from evanyseg.scoring.summary import SegmentSummary, summarize

from .records import COLUMNS, MISSING, ScoreRecord

HIDDEN = ("serial", "geometry", "level")


def csv_text(rows: Iterable[ScoreRecord]) -> str:
    """One line per row, named columns, empty cells for what is not known; Excel and pandas read it as it is."""
    names = [c for c in COLUMNS if c not in HIDDEN]
    out = io.StringIO()
    writer = csv.DictWriter(out, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: _cell(v) for k, v in asdict(row).items()})
    return out.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return guarded(value) if isinstance(value, str) else value


def report_rows(rows: Iterable[ScoreRecord], pixel_area: Callable[[ScoreRecord], float]) -> list[ReportRow]:
    """Rows of `evanyseg.report.page`, in the order given; `pixel_area`: mm2 of a pixel of the row's slice."""
    return [
        ReportRow(
            row.segment,
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
            ", ".join(word for word in (row.state if row.state != "open" else "", row.comment) if word),
        )
        for row in rows
    ]


@dataclass(frozen=True)
class _Scored:
    """What `evanyseg.scoring.summary.summarize` needs of a slice; area in mm2."""

    index: int
    area: float
    dice: float


def report_summary(segment: str, rows: Iterable[ScoreRecord], thresholds: BandThresholds) -> SegmentSummary:
    """The rows of one segment along one axis as the report's card; `Missing?` rows are counted, not averaged."""
    listed = list(rows)
    masks = [_Scored(r.index, r.area_mm2, r.dice) for r in listed if r.kind != MISSING]
    return summarize(segment, masks, thresholds, len(listed) - len(masks))
