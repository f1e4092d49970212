"""The review as one HTML page, made by the engine's report."""

from __future__ import annotations

from datetime import datetime

from evanyseg.io.segmentation import segment_labels
from evanyseg.report.page import ReportData, report_html

from ..scene.review.session import ReviewSession
from ..scene.table.exports import report_rows
from ..scene.table.records import ScoreRecord
from ..scene.table.summaries import score_summary


def review_page(review: ReviewSession, rows: list[ScoreRecord]) -> str:
    """Self-contained HTML of the rows given, in their order."""
    snapshot = review.reader.snapshot()
    listed = report_rows(rows, lambda row: snapshot.plane_of_key(row.axis, row.index, row.geometry).pixel_area)
    labels = segment_labels({row.segment_id: row.segment for row in rows})
    groups: dict[tuple[str, str], list[ScoreRecord]] = {}
    for row in rows:
        groups.setdefault((labels[row.segment_id], row.plane), []).append(row)
    several = len({plane for _segment, plane in groups}) > 1
    summaries = [
        score_summary(f"{segment} ({plane})" if several else segment, group, review.thresholds)
        for (segment, plane), group in groups.items()
    ]
    levels = [r.level for r in rows if r.level == r.level]
    data = ReportData(
        subject=review.volume.GetName() or "",
        summaries=summaries,
        rows=listed,
        images=(),
        facts={
            "Volume": review.volume.GetName() or "",
            "Segmentation": review.segmentation.GetName() or "",
            "Estimator": ", ".join(sorted({r.estimator for r in rows if r.estimator})),
            "Segmenter": ", ".join(sorted({r.segmenter for r in rows if r.segmenter})) or "-",
            "Intensity": ", ".join(sorted({r.window for r in rows if r.window})),
        },
        bands=review.thresholds,
        created=datetime.now(),
        level=levels[0] if levels else 0.9,
        strips=not several,
    )
    return report_html(data)
