"""Scores in words, for labels and tooltips. Rich text is the HTML that both Qt and browsers read."""

from __future__ import annotations

import html
import math

from evanyseg.bands import BAND_COLORS, BandThresholds, QualityBand
from evanyseg.overlay_codes import Color
from evanyseg.results import QualityEstimate
from evanyseg.scoring.summary import WorstRun

from ..scene.overlay.corner_annotation import annotation_text, row_word
from ..scene.table.records import MISSING, ScoreRecord
from ..scene.table.summaries import SegmentReview


def result_text(row: ScoreRecord | None) -> str:
    """'Liver (axial 45), predicted Dice 0.62 POOR [0.48-0.74]', with the band as a coloured word, as rich text; empty
    without a row."""
    if row is None:
        return ""
    name = html.escape(row.segment)
    place = f"{row.plane} {row.index}"
    if row.stale:
        was = f" (was {row.dice:.2f})" if row.scored else ""
        return f"<b>{name}</b> ({place}): <b>stale</b>{was}<br/>Edited since it was scored."
    if math.isnan(row.dice):
        why = html.escape(row.caveats) or "no reason given"
        return f"<b>{name}</b> ({place}): <b>unscored</b><br/>{why}"
    limits = f"[{row.low:.2f}-{row.high:.2f}]"
    interval = f" <span style='white-space:nowrap'>{limits}</span>" if not math.isnan(row.low) else ""
    color = BAND_COLORS[QualityBand(row.band)]
    text = (
        f"<b>{name}</b> ({place}), predicted Dice <span style='font-size:14pt'><b>{row.dice:.2f}</b></span> "
        f"<span style='background-color:{css_color(color)}; color:{'black' if is_light(color) else 'white'}'>"
        f"&nbsp;<b>{row.band.upper()}</b>&nbsp;</span>"
        f"{interval}"
    )
    return text + (f"<br/>Warning: {html.escape(row.caveats)}" if row.caveats else "")


def hover_text(row: ScoreRecord) -> str:
    """'axial 45: Liver 0.62 POOR [0.48-0.74], flagged'."""
    decided = f", {row.decision}" if row.decision else ""
    return f"{row.plane} {row.index}: {annotation_text(row)}{decided}"


def cells(record: ScoreRecord, missing: str = "Missing?") -> list[str]:
    """A row of the review table: segment, slice, Dice, interval, band, state, comment."""
    return [
        record.segment,
        f"{record.plane} {record.index}",
        f"{record.dice:.2f}" if record.scored else "-",
        "" if not record.scored or math.isnan(record.low) else f"{record.low:.2f}-{record.high:.2f}",
        missing if record.kind == MISSING else row_word(record),
        record.state,
        record.comment,
    ]


def candidate_text(title: str, estimate: QualityEstimate, thresholds: BandThresholds) -> dict[str, str]:
    """title, band, color, ink and tip of a candidate that segmenters are compared by."""
    band = thresholds.band(estimate.dice)
    said = [] if math.isnan(estimate.low) else [f"Interval {estimate.low:.2f}-{estimate.high:.2f}."]
    said += [f"Warning: {'; '.join(estimate.caveats)}"] if estimate.caveats else []
    color = BAND_COLORS[band]
    ink = "black" if is_light(color) else "white"
    return {"title": title, "band": band.value.upper(), "color": css_color(color), "ink": ink, "tip": " ".join(said)}


def row_tip(row: ScoreRecord) -> str:
    """What a row says beside its cells: comment, warnings, and who scored it."""
    lines = (row.comment, row.caveats and f"Warning: {row.caveats}", row.estimator and f"Scored by {row.estimator}")
    return "\n".join(line for line in lines if line)


def summary_cells(line: SegmentReview) -> list[str]:
    """A row of the summaries: segment, mean Dice, lowest, poor, worst run, reviewed."""
    scores, run = line.scores, line.scores.worst_run
    return [
        scores.segment,
        _number(scores.mean_dice),
        _number(scores.worst_dice),
        "" if math.isnan(scores.poor_fraction) else f"{100 * scores.poor_fraction:.0f} %",
        run_text(run),
        f"{line.reviewed}/{scores.slices}",
    ]


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


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
