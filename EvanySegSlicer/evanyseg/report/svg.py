"""What the plots of pages share: colors that color-blind people tell apart, and text."""

from __future__ import annotations

from html import escape

BLUE, ORANGE, INK, LINE = "#0072b2", "#d55e00", "#17212b", "#c9d2da"


def svg_text(x: float, y: float, text: str, anchor: str, turn: str = "") -> str:
    """turn: a further attribute, with its leading space."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="11" fill="{INK}"{turn}>{escape(text)}</text>'
    )
