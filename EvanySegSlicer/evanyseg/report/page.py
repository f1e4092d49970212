"""Puts a report together from plain data; every text is escaped, nothing is fetched from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from importlib.resources import files
from string import Template

import numpy as np

from ..bands import BandThresholds, QualityBand
from ..geometry.plane_stack import IMAGE_2D
from ..results import QualityEstimate
from ..scoring.summary import SegmentSummary
from .frame import framed
from .images import data_uri
from .strip import strip_svg

MAX_SEGMENTS = 100
"""Segments with a card and a strip of their own: the worst."""

MAX_ROWS = 5000
"""Rows that a browser still sorts at once; the CSV has the others."""

COLUMNS = ("Segment", "Slice", "mm", "Pixels", "Predicted Dice", "Band", "Interval", "Notes")
CLOSING = """  <p>The predicted Dice is an estimate, made from the image and the mask without a reference: it says which
  slices deserve a look first, not that a mask is correct. {interval_note} A slice that could not be scored is
  called <em>unscored</em> and has no number.</p>"""
_NUMERIC = {"Slice", "mm", "Pixels", "Predicted Dice"}


@dataclass(frozen=True)
class ReportRow:
    """One scored slice, or one scored 2D image (then `plane` is 'image' and index 0)."""

    segment: str
    plane: str
    index: int
    position: float
    area: int
    estimate: QualityEstimate
    note: str = ""

    @property
    def where(self) -> str:
        return self.plane if self.plane == IMAGE_2D else f"{self.plane} {self.index}"


@dataclass(frozen=True)
class ReportImage:
    """A row and its image uint8 [H, W, 3]."""

    row: ReportRow
    pixels: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class ReportData:
    """Everything a report shows. rows: worst first; facts: what the numbers were made with (label -> text);
    figures: further images uint8 [H, W, 3] that belong to no single row, with their titles."""

    subject: str
    summaries: Sequence[SegmentSummary]
    rows: Sequence[ReportRow]
    images: Sequence[ReportImage]
    facts: Mapping[str, str]
    bands: BandThresholds
    created: datetime
    level: float = 0.9
    strips: bool = True
    figures: Sequence[tuple[str, np.ndarray]] = ()


def report_html(data: ReportData) -> str:
    """The report as one HTML document."""
    facts = {**data.facts, "Bands": _bands_text(data.bands)}
    shown = data.rows[:MAX_ROWS]
    cut = f" The {MAX_ROWS} worst of {len(data.rows)} rows are shown." if len(data.rows) > MAX_ROWS else ""
    uncalibrated = any("not calibrated" in c for r in data.rows for c in r.estimate.caveats)
    nominal = f"Intervals are nominal {data.level:.0%} intervals"
    body = Template((files(__package__) / "page.html").read_text(encoding="utf-8")).substitute(
        cards="\n".join(_card(s, data.bands) for s in data.summaries[:MAX_SEGMENTS]) + _left_out(data),
        strips=_strips(data) if data.strips else "",
        images=_gallery(data) + _figures(data),
        table_title="Scores" if data.strips else "Score",
        table_note=f"Worst first; click a heading to sort.{cut}",
        columns="".join(_heading(c) for c in COLUMNS),
        rows="\n".join(_table_row(r, data.bands) for r in shown),
    )
    note = f"{nominal}; they are not calibrated for this estimator." if uncalibrated else f"{nominal}."
    closing = CLOSING.format(interval_note=note)
    heading = "Predicted segmentation quality"
    return framed(heading, data.subject, data.created, body, facts, closing, sortable=True)


def chip(band: QualityBand) -> str:
    """The band's word on the band's colour."""
    return f'<span class="chip {band.value}">{band.value}</span>'


def _card(summary: SegmentSummary, bands: BandThresholds) -> str:
    lines = []
    single = summary.slices == 1 and not summary.missing
    if not single:
        lines.append(f"{summary.scored} of {summary.slices} slices scored; mean weighted by area")
    if summary.worst_index is not None and not single:
        lines.append(f"Worst slice {summary.worst_index}: {summary.worst_dice:.2f}")
    if summary.worst_run is not None and summary.worst_run.last > summary.worst_run.first:
        run = summary.worst_run
        lines.append(f"Worst run: slices {run.first} to {run.last}, mean {run.mean_dice:.2f}")
    if summary.missing:
        lines.append(f"Missing? {summary.missing} slice{'s' * (summary.missing > 1)} without a mask")
    poor, check = summary.poor_fraction, summary.check_fraction
    share = ""
    if not math.isnan(poor) and not single:
        lines.append(f"{poor:.0%} of the volume is poor, {check:.0%} to be checked")
        widths = {"poor": poor, "check": check, "good": max(0.0, 1 - poor - check)}
        bars = "".join(f'<i class="{k}" style="width:{100 * v:.1f}%"></i>' for k, v in widths.items())
        share = f'<div class="share" title="share of the volume by band">{bars}</div>'
    value = "n/a" if math.isnan(summary.mean_dice) else f"{summary.mean_dice:.2f}"
    text = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return (
        f'<div class="card"><h3>{escape(summary.segment)}</h3><div class="big"><b>{value}</b>'
        f"{chip(summary.band(bands))}</div>{share}{text}</div>"
    )


def _left_out(data: ReportData) -> str:
    count = len(data.summaries)
    return f"<p>The {MAX_SEGMENTS} worst of {count} segments; the table has all.</p>" if count > MAX_SEGMENTS else ""


def _strips(data: ReportData) -> str:
    """One strip of slices per segment, in the summaries' order."""
    by_segment: dict[str, list[ReportRow]] = {}
    for row in data.rows:
        by_segment.setdefault(row.segment, []).append(row)
    parts = [
        f'<div class="strip"><h3>{escape(s.segment)}</h3>{strip_svg(by_segment[s.segment], data.bands)}</div>'
        for s in data.summaries[:MAX_SEGMENTS]
        if s.segment in by_segment
    ]
    legend = "".join(f"<span>{chip(b)}{text}</span>" for b, text in _legend(data.bands))
    return f'<section><h2>Slice by slice</h2><div class="legend">{legend}</div>{"".join(parts)}</section>'


def _gallery(data: ReportData) -> str:
    if not data.images:
        return ""
    title = "Look at these first" if data.strips else "The image"
    single = " single" if len(data.images) == 1 else ""
    figures = []
    for item in data.images:
        e = item.row.estimate
        name = f"{escape(item.row.segment)}, {escape(item.row.where)}"
        value = "" if math.isnan(e.dice) else f'<span class="value">{e.dice:.2f}</span> '
        notes = "; ".join(dict.fromkeys([*e.caveats, *([item.row.note] if item.row.note else [])]))
        figures.append(
            f'<figure><img alt="{name}" src="{data_uri(item.pixels)}">'
            f"<figcaption>{name}<br>{value}{chip(data.bands.band(e.dice))} "
            f'<span class="quiet">{_interval(e)}<br>{escape(notes)}</span></figcaption></figure>'
        )
    return f'<section><h2>{title}</h2><div class="gallery{single}">{"".join(figures)}</div></section>'


def _figures(data: ReportData) -> str:
    if not data.figures:
        return ""
    items = "".join(
        f'<figure><img alt="{escape(title)}" src="{data_uri(pixels)}"><figcaption>{escape(title)}</figcaption></figure>'
        for title, pixels in data.figures
    )
    return f'<section><h2>Seen together</h2><div class="gallery">{items}</div></section>'


def _heading(name: str) -> str:
    return f'<th{" class=n" if name in _NUMERIC else ""}><button type="button">{escape(name)}</button></th>'


def _table_row(row: ReportRow, bands: BandThresholds) -> str:
    e = row.estimate
    dice = "" if math.isnan(e.dice) else f"{e.dice:.3f}"
    notes = "; ".join(dict.fromkeys([*([row.note] if row.note else []), *e.caveats]))
    return (
        f'<tr><td>{escape(row.segment)}</td><td class="n" data-v="{row.index}">{escape(row.where)}</td>'
        f'<td class="n">{"" if row.plane == IMAGE_2D else f"{row.position:.1f}"}</td><td class="n">{row.area}</td>'
        f'<td class="n" data-v="{dice}">{dice or "-"}</td><td>{chip(bands.band(e.dice))}</td>'
        f'<td data-v="{"" if math.isnan(e.low) else f"{e.low:.3f}"}">{_interval(e)}</td><td>{escape(notes)}</td></tr>'
    )


def _interval(estimate: QualityEstimate) -> str:
    return "" if math.isnan(estimate.low) else f"{estimate.low:.2f} to {estimate.high:.2f}"


def _legend(bands: BandThresholds) -> list[tuple[QualityBand, str]]:
    return [
        (QualityBand.GOOD, f"from {bands.good:g}"),
        (QualityBand.CHECK, f"from {bands.check:g}"),
        (QualityBand.POOR, f"below {bands.check:g}"),
        (QualityBand.UNSCORED, "no score"),
    ]


def _bands_text(bands: BandThresholds) -> str:
    return ", ".join(f"{band.value} {text}" for band, text in _legend(bands))
