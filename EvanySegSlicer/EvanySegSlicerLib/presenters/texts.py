"""Scores in words, for labels and tooltips. Rich text is the HTML that both Qt and browsers read."""

from __future__ import annotations

import html
import math

from evanyseg.bands import BAND_COLORS, BandThresholds, QualityBand
from evanyseg.overlay_codes import Color
from evanyseg.scoring.summary import WorstRun

from ..scene.overlay.corner_annotation import annotation_text
from ..scene.table.records import ScoreRecord


def result_text(row: ScoreRecord | None) -> str:
    """'Liver 0.62 POOR [0.48-0.74]', with the band as a coloured word, as rich text; empty without a row."""
    if row is None:
        return ""
    name = html.escape(row.segment)
    place = f"{row.plane} {row.index}"
    if math.isnan(row.dice):
        why = html.escape(row.caveats) or "no reason given"
        return f"<b>{name}</b> ({place}): <b>unscored</b><br/>{why}"
    interval = f" [{row.low:.2f}-{row.high:.2f}]" if not math.isnan(row.low) else ""
    color = BAND_COLORS[QualityBand(row.band)]
    text = (
        f"<b>{name}</b> ({place}): <span style='font-size:14pt'><b>{row.dice:.2f}</b></span> "
        f"<span style='background-color:{css_color(color)}; color:{'black' if is_light(color) else 'white'}'>"
        f"&nbsp;<b>{row.band.upper()}</b>&nbsp;</span>"
        f"{interval}"
    )
    return text + (f"<br/>Warning: {html.escape(row.caveats)}" if row.caveats else "")


def hover_text(row: ScoreRecord) -> str:
    """'axial 45: Liver 0.62 POOR [0.48-0.74], flagged'."""
    decided = f", {row.decision}" if row.decision else ""
    return f"{row.plane} {row.index}: {annotation_text(row)}{decided}"


def bands_text(thresholds: BandThresholds) -> str:
    """The bands with their colours and ranges, as rich text."""
    ranges = {
        QualityBand.GOOD: f"from {thresholds.good:.2f}",
        QualityBand.CHECK: f"from {thresholds.check:.2f}",
        QualityBand.POOR: f"below {thresholds.check:.2f}",
        QualityBand.UNSCORED: "not scored",
    }
    return " &nbsp; ".join(
        f"<span style='background-color:{css_color(BAND_COLORS[band])}'>&nbsp;&nbsp;&nbsp;&nbsp;</span> "
        f"<b>{band.value.upper()}</b> {words}"
        for band, words in ranges.items()
    )


def run_text(run: WorstRun | None) -> str:
    """'12-17', or '12' of a run of one slice; empty without one."""
    if run is None:
        return ""
    return str(run.first) if run.first == run.last else f"{run.first}-{run.last}"


def css_color(color: Color) -> str:
    """'#d55e00' of RGB in 0..1."""
    return "#{:02x}{:02x}{:02x}".format(*(round(255 * c) for c in color))


def is_light(color: Color) -> bool:
    """Whether black reads better on it than white."""
    red, green, blue = color
    return 0.3 * red + 0.59 * green + 0.11 * blue > 0.45
