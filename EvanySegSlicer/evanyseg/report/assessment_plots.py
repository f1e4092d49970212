"""Plots of predicted against true Dice, as SVG."""

from __future__ import annotations

import numpy as np

from .svg import BLUE, INK, LINE, svg_text

SIDE, LEFT, BOTTOM, TOP = 340, 44, 40, 10
MOST = 3000
"""Points that are drawn; of more, this many evenly."""


def scatter_svg(truth: np.ndarray, predicted: np.ndarray) -> str:
    """A point a case: predicted Dice to the right, true Dice upwards; on the line both are equal."""
    at = np.unique(np.linspace(0, len(truth) - 1, min(MOST, len(truth))).round().astype(int))
    alpha = 0.65 if len(at) < 300 else 0.25
    points = "".join(
        f'<circle cx="{_x(p):.1f}" cy="{_y(t):.1f}" r="3" fill="{BLUE}" fill-opacity="{alpha}"/>'
        for t, p in zip(truth[at], predicted[at], strict=True)
    )
    return _frame("predicted against true Dice", points)


def reliability_svg(truth: np.ndarray, predicted: np.ndarray, bins: int = 10) -> str:
    """Mean true Dice of the cases in each tenth of predicted Dice; a larger dot is more cases."""
    index = np.clip((predicted * bins).astype(int), 0, bins - 1)
    parts, last = [], None
    for b in range(bins):
        here = index == b
        if not here.any():
            continue
        x, y = _x(float(predicted[here].mean())), _y(float(truth[here].mean()))
        if last is not None:
            parts.insert(0, f'<path d="M{last[0]:.1f} {last[1]:.1f}L{x:.1f} {y:.1f}" stroke="{BLUE}" fill="none"/>')
        last = (x, y)
        count = int(here.sum())
        radius = 3 + 8 * (count / len(truth)) ** 0.5
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{BLUE}"><title>{count} cases</title></circle>'
        )
        parts.append(svg_text(x, y - radius - 4, str(count), "middle"))
    return _frame("mean true Dice by predicted Dice", "".join(parts))


def _x(value: float) -> float:
    return LEFT + (SIDE - LEFT - TOP) * min(max(value, 0.0), 1.0)


def _y(value: float) -> float:
    return TOP + (SIDE - TOP - BOTTOM) * (1 - min(max(value, 0.0), 1.0))


def _frame(label: str, inside: str) -> str:
    out = [f'<svg viewBox="0 0 {SIDE} {SIDE}" role="img" aria-label="{label}">']
    for value in (0, 0.2, 0.4, 0.6, 0.8, 1):
        out.append(f'<path d="M{_x(value):.1f} {_y(0):.1f}V{_y(1):.1f}M{_x(0):.1f} {_y(value):.1f}H{_x(1):.1f}" '
                   f'stroke="{LINE}" stroke-width=".6"/>')  # fmt: skip
        out.append(svg_text(_x(value), _y(0) + 14, f"{value:g}", "middle"))
        out.append(svg_text(LEFT - 6, _y(value) + 4, f"{value:g}", "end"))
    out.append(f'<path d="M{_x(0):.1f} {_y(0):.1f}L{_x(1):.1f} {_y(1):.1f}" stroke="{INK}" stroke-dasharray="4 3"/>')
    out.append(svg_text(_x(0.5), SIDE - 6, "predicted Dice", "middle"))
    middle = _y(0.5)
    out.append(svg_text(12, middle, "true Dice", "middle", f' transform="rotate(-90 12 {middle:.1f})"'))
    return "".join([*out, inside, "</svg>"])
