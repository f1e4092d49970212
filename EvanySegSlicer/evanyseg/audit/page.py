"""The audit as one HTML document: every text is escaped, nothing is fetched from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from importlib.resources import files
from string import Template

import numpy as np

from ..bands import BandThresholds
from ..metrics.assessment import POOR
from ..report.file_remarks import Remark, remarks_html
from ..report.frame import framed
from ..report.images import data_uri
from ..report.page import chip
from .case import AuditRow
from .classes import ClassSummary
from .groups import GroupDifference
from .suspicions import Suspicion

STYLE = """th.plain { padding: 7px 10px; }
td .bar { display: inline-block; width: 120px; height: 8px; border-radius: 4px; overflow: hidden;
  background: var(--line); }
td .bar i { display: block; height: 100%; background: var(--poor); }
"""
CLOSING = """  <p>The predicted Dice is an estimate, made from the image and the mask without a reference: it says which
  cases deserve a look first, not that a label is correct. Differences between groups are differences of the
  prediction; where the estimator itself is less at home with some images, that is part of them.</p>"""
SHOWN = 60
"""Lines of a list that the page shows; the tables beside it have all."""
CLASSES = ("Label", "Cases", "Scored", "Mean predicted Dice", "Band", "95 % interval", f"Share below {POOR:g}",
           "95 % interval of it")  # fmt: skip
GROUPS = ("Label", "Column", "Groups, lowest first", "Difference", "95 % interval", "p", "p corrected", "Left out")


@dataclass(frozen=True)
class AuditImage:
    row: AuditRow
    pixels: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class AuditPage:
    """Everything the page shows; left_out: sentences about metadata that is not compared; images in the order of
    `classes`, worst first; failed: case and sentence; remarks: about how files were read."""

    subject: str
    classes: Sequence[ClassSummary]
    groups: Sequence[GroupDifference]
    left_out: Sequence[str]
    suspicions: Sequence[Suspicion]
    images: Sequence[AuditImage]
    failed: Sequence[tuple[str, str]]
    remarks: Sequence[Remark]
    facts: Mapping[str, str]
    bands: BandThresholds
    created: datetime


def audit_html(page: AuditPage) -> str:
    scored = sum(c.scored for c in page.classes)
    body = Template((files(__package__) / "page.html").read_text(encoding="utf-8")).substitute(
        classes_note=f"{scored} labels of cases were scored. Intervals: over subjects; click a heading to sort.",
        classes_columns="".join(f'<th><button type="button">{escape(c)}</button></th>' for c in CLASSES),
        classes="\n".join(_class_row(c, page.bands) for c in page.classes),
        suspicions=_suspicions(page.suspicions),
        groups=_groups(page.groups, page.left_out),
        images=_images(page),
        failures=_failures(page.failed),
        remarks=remarks_html(page.remarks, "cases.csv"),
    )
    title, heading = f"audit of {page.subject}", "Audit of a data set"
    return framed(heading, page.subject, page.created, body, page.facts, CLOSING, title, STYLE, sortable=True)


def _class_row(found: ClassSummary, bands: BandThresholds) -> str:
    share = "" if math.isnan(found.poor) else f'<span class="bar"><i style="width:{100 * found.poor:.0f}%"></i></span>'
    mean = found.mean
    cells = (
        escape(found.label), str(found.cases), str(found.scored), _number(mean.value), chip(bands.band(mean.value)),
        between(mean.low, mean.high), f"{_percent(found.poor)} {share}", _percents(found.poor_interval),
    )  # fmt: skip
    values = (None, found.cases, found.scored, mean.value, None, mean.low, found.poor, found.poor_interval[0])
    return "<tr>" + "".join(map(_cell, cells, values)) + "</tr>"


def _cell(text: str, value: float | None) -> str:
    if value is None:
        return f"<td>{text}</td>"
    return f'<td class="n" data-v="{"" if math.isnan(value) else f"{value:.4f}"}">{text}</td>'


def _suspicions(found: Sequence[Suspicion]) -> str:
    if not found:
        return ""
    lines = "".join(
        f"<li><b>{escape(s.row.case)}</b>, {escape(s.row.label)}: {escape(s.why)}</li>" for s in found[:SHOWN]
    )
    more = f"<p>{len(found) - SHOWN} more in suspicions.csv.</p>" if len(found) > SHOWN else ""
    return f"<section><h2>Names to be checked</h2><ul>{lines}</ul>{more}</section>"


def _groups(found: Sequence[GroupDifference], left_out: Sequence[str]) -> str:
    parts = []
    if found:
        notable = sum(d.notable for d in found)
        note = (
            f"{len(found)} comparisons, {notable} of them with a difference that is more than chance (Kruskal-Wallis "
            "over subjects, Holm's correction for all of them). Difference: highest less lowest mean."
        )
        rows = "".join(map(_group_row, found[:SHOWN]))
        head = "".join(f'<th class="plain">{escape(c)}</th>' for c in GROUPS)
        parts.append(
            f'<p class="note">{escape(note)}</p><div class="scroll"><table><thead><tr>{head}</tr></thead>'
            f"<tbody>{rows}</tbody></table></div>"
        )
    if left_out:
        lines = "".join(f"<li>{escape(sentence)}</li>" for sentence in left_out[:SHOWN])
        parts.append(f'<p class="note">Not compared:</p><ul>{lines}</ul>')
    return f"<section><h2>Groups of people and scanners</h2>{''.join(parts)}</section>" if parts else ""


def _group_row(d: GroupDifference) -> str:
    groups = ", ".join(f"{g.name}: {g.mean:.3f} ({g.subjects})" for g in d.groups)
    numbers = (f"{d.difference.value:.3f}", between(d.difference.low, d.difference.high), f"{d.p:.3g}")
    corrected = f"<b>{d.corrected:.3g}</b>" if d.notable else f"{d.corrected:.3g}"
    cells = (escape(d.label), escape(d.column), escape(groups), *numbers, corrected, str(d.missing or ""))
    return "<tr>" + "".join(f"<td>{c}</td>" for c in cells) + "</tr>"


def _images(page: AuditPage) -> str:
    if not page.images:
        return ""
    figures = []
    for item in page.images:
        row = item.row
        name = f"{escape(row.label)}: {escape(row.case)}"
        where = f", slice {row.worst_slice} (there {row.worst_dice:.2f})" if row.slices > 1 else ""
        figures.append(
            f'<figure><img alt="{name}" src="{data_uri(item.pixels)}"><figcaption>{name}{where}<br>'
            f'<span class="value">{row.dice:.2f}</span> {chip(page.bands.band(row.dice))} '
            f'<span class="quiet">{between(row.low, row.high)}<br>{escape(row.caveats)}</span></figcaption></figure>'
        )
    return (
        '<section><h2>The worst cases</h2><p class="note">Of each case its worst slice; the number is the case\'s.</p>'
        f'<div class="gallery">{"".join(figures)}</div></section>'
    )


def _failures(failed: Sequence[tuple[str, str]]) -> str:
    if not failed:
        return ""
    lines = "".join(f"<li><b>{escape(case)}</b>: {escape(why)}</li>" for case, why in failed[:SHOWN])
    return f"<section><h2>{len(failed)} cases could not be scored</h2><ul>{lines}</ul></section>"


def between(low: float, high: float) -> str:
    return "" if math.isnan(low) else f"{low:.2f} to {high:.2f}"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.0%}"


def _percents(ends: tuple[float, float]) -> str:
    return "" if math.isnan(ends[0]) else f"{ends[0]:.0%} to {ends[1]:.0%}"
