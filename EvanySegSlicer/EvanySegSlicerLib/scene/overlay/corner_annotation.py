"""The words beside the colour: what a slice view says about the slice it shows."""

from __future__ import annotations

from ..table.records import MISSING, ScoreRecord


def annotation_text(row: ScoreRecord) -> str:
    """'Liver 0.62 POOR [0.48-0.74]'; with 'STALE', or the first warning where there is one."""
    if row.kind == MISSING:
        return f"{row.segment} MISSING? (a mask of {row.area_mm2:.0f} mm² is likely here)"
    if row.stale:
        was = f", was {row.dice:.2f}" if row.scored else ""
        return f"{row.segment} STALE (edited since it was scored{was})"
    if not row.scored:
        reason = f" ({row.caveat_list[0]})" if row.caveat_list else ""
        return f"{row.segment} UNSCORED{reason}"
    text = f"{row.segment} {row.dice:.2f} {row.band.upper()}"
    if row.low == row.low and row.high == row.high:  # an estimator without an interval gives NaN
        text += f" [{row.low:.2f}-{row.high:.2f}]"
    if row.caveat_list:
        text += f" (warning: {row.caveat_list[0]})"
    return text
