"""The strip of a segment: one bar per slice, as high as the predicted Dice, in the band's colour, with the interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Protocol

from ..bands import BandThresholds
from ..results import QualityEstimate

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 1100, 132, 34, 18, 6


class StripRow(Protocol):
    @property
    def index(self) -> int: ...

    @property
    def where(self) -> str: ...

    @property
    def note(self) -> str: ...

    @property
    def estimate(self) -> QualityEstimate: ...


def strip_svg(rows: Sequence[StripRow], bands: BandThresholds) -> str:
    """An SVG drawing; slices without a row stay empty, unscored ones are grey stubs. Hovering names the slice."""
    first, last = min(r.index for r in rows), max(r.index for r in rows)
    pitch = (WIDTH - LEFT) / max(1, last - first + 1)
    pitch = min(pitch, 40.0)
    bar = max(1.0, pitch * 0.8) if pitch > 2 else pitch
    up = lambda dice: TOP + (HEIGHT - TOP - BOTTOM) * (1 - min(max(dice, 0.0), 1.0))
    out = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="predicted Dice by slice">']
    for value in (0.0, bands.check, bands.good, 1.0):
        dash = "" if value in (0.0, 1.0) else ' stroke-dasharray="3 3"'
        out.append(f'<line x1="{LEFT}" x2="{WIDTH}" y1="{up(value):.1f}" y2="{up(value):.1f}" stroke="#c9d2da"{dash}/>')
        if value not in (1.0,) or 1.0 - bands.good > 0.08:
            out.append(_text(LEFT - 6, up(value) + 4, f"{value:g}", "end"))
    for row in sorted(rows, key=lambda r: r.index):
        out.append(_bar(row, bands, LEFT + (row.index - first) * pitch, bar, up))
    step = _tick_step(last - first + 1)
    for index in range(first + (-first) % step, last + 1, step):
        out.append(_text(LEFT + (index - first) * pitch + bar / 2, HEIGHT - 3, str(index), "middle"))
    return "".join(out) + "</svg>"


def _bar(row: StripRow, bands: BandThresholds, x: float, width: float, up: Callable[[float], float]) -> str:
    e = row.estimate
    band = bands.band(e.dice).value
    if math.isnan(e.dice):
        shape = f'<rect x="{x:.2f}" y="{up(0.06):.1f}" width="{width:.2f}" height="{up(0) - up(0.06):.1f}"'
        words = "unscored"
    else:
        top = min(up(e.dice), up(0.02))  # a Dice of 0 is drawn as well: it is the most visible of all
        shape = f'<rect x="{x:.2f}" y="{top:.1f}" width="{width:.2f}" height="{up(0) - top:.1f}"'
        words = f"{e.dice:.2f} {band}"
    whisker = ""
    if not math.isnan(e.low) and width > 3:
        middle = x + width / 2
        whisker = (
            f'<line x1="{middle:.2f}" x2="{middle:.2f}" y1="{up(e.high):.1f}" y2="{up(e.low):.1f}" '
            'stroke="#17212b" stroke-opacity="0.55"/>'
        )
    title = escape("; ".join([f"{row.where}: {words}", *([row.note] if row.note else []), *e.caveats]))
    # a pale column of full height: a bar of no height is seen as well
    back = f'<rect x="{x:.2f}" y="{up(1):.1f}" width="{width:.2f}" height="{up(0) - up(1):.1f}"'
    pale = f'{back} fill="var(--{band})" fill-opacity="0.22"/>' if band in ("poor", "unscored") else ""
    return f'<g><title>{title}</title>{pale}{shape} fill="var(--{band})"/>{whisker}</g>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="11" fill="#5d6b78" text-anchor="{anchor}">{text}</text>'


def _tick_step(count: int) -> int:
    """About ten round numbers."""
    for step in (1, 2, 5, 10, 20, 25, 50, 100, 200, 500):
        if count / step <= 14:
            return step
    return 1000
