"""The plot of a metric's line over checkpoints, as SVG."""

from __future__ import annotations

from html import escape

import numpy as np

from ..report.svg import BLUE, INK, LINE, ORANGE, svg_text
from .mapping import Estimated

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 320, 260, 46, 40, 10


def line_svg(words: str, one: Estimated) -> str:
    """Dots: checkpoints on the labelled images; squares: the same on the unlabelled ones, on the line."""
    x_range, y_range = _range(one.here, one.there), _range(one.real, one.value)
    x = lambda v: LEFT + (WIDTH - LEFT - TOP) * (v - x_range[0]) / (x_range[1] - x_range[0])
    y = lambda v: TOP + (HEIGHT - TOP - BOTTOM) * (1 - (v - y_range[0]) / (y_range[1] - y_range[0]))
    parts = []
    for value in _ticks(*x_range):
        parts.append(f'<path d="M{x(value):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="{LINE}" stroke-width=".6"/>')
        parts.append(svg_text(x(value), HEIGHT - BOTTOM + 14, f"{value:g}", "middle"))
    for value in _ticks(*y_range):
        parts.append(f'<path d="M{LEFT} {y(value):.1f}H{WIDTH - TOP}" stroke="{LINE}" stroke-width=".6"/>')
        parts.append(svg_text(LEFT - 5, y(value) + 4, f"{value:g}", "end"))
    order = np.argsort(one.there)
    # G, drawn through its own answers
    path = "L".join(f"{x(one.there[k]):.1f} {y(one.value[k]):.1f}" for k in order)
    parts.append(f'<path d="M{path}" stroke="{INK}" stroke-dasharray="4 3" fill="none"/>')
    for k in range(len(one.real)):
        parts.append(f'<circle cx="{x(one.here[k]):.1f}" cy="{y(one.real[k]):.1f}" r="4" fill="{BLUE}"/>')
        left, top = x(one.there[k]) - 4, y(one.value[k]) - 4
        parts.append(
            f'<rect x="{left:.1f}" y="{top:.1f}" width="8" height="8" fill="none" stroke="{ORANGE}" '
            'stroke-width="1.6"/>'
        )
    parts.append(svg_text(LEFT + (WIDTH - LEFT) / 2, HEIGHT - 8, f"pseudo: {words}", "middle"))
    middle = (HEIGHT - BOTTOM) / 2
    turned = f' transform="rotate(-90 11 {middle:.1f})"'
    parts.append(svg_text(11, middle, "real", "middle", turned))
    label = escape(f"{words}: pseudo against real metric")
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _range(*values: np.ndarray) -> tuple[float, float]:
    every = np.concatenate(values)
    low, high = float(every.min()), float(every.max())
    margin = 0.06 * (high - low) or 0.05
    return low - margin, high + margin


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers within the range, three to six of them."""
    power = 10.0 ** np.floor(np.log10(high - low))
    step = next(m * power for m in (0.2, 0.5, 1.0, 2.0) if (high - low) / (m * power) <= 6)
    return [round(k * step, 9) for k in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]
