"""The words beside the colour, and the colour of a row: what a slice view says about the slice it shows."""

from __future__ import annotations

from evanyseg.bands import BAND_COLORS, QualityBand
from evanyseg.overlay_codes import STALE_COLOR, STALE_NAME, Color

from ..table.records import MISSING, ScoreRecord


def row_color(row: ScoreRecord) -> Color:
    """Of its band; a score of a mask that was edited since has the colour of stale slices."""
    if row.stale:
        return STALE_COLOR
    return BAND_COLORS[QualityBand.POOR if row.kind == MISSING else QualityBand(row.band)]


def row_word(row: ScoreRecord) -> str:
    """What goes with that colour: 'GOOD', or 'STALE'."""
    return (STALE_NAME if row.stale else row.band).upper()


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
