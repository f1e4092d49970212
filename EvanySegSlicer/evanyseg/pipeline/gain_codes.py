"""A map of expected information gain as codes of one byte a pixel, and their colors, shared by every front end.

0: nothing to show; 1..200: the gain in steps of ln 2 / 200 nats; 254 and 255: the marker's ring and its dark rim. The
colors are those of viridis (light and dark tell the same to people who see no colors), ever less transparent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .information_gain import LARGEST

if TYPE_CHECKING:
    from .next_click import NextClick

STEPS = 200
RING, RIM = 254, 255
FLOOR = 0.01
"""Nats below which nothing is shown: they would only tint the whole slice."""
VIRIDIS = ((0.27, 0.00, 0.33), (0.23, 0.32, 0.55), (0.13, 0.57, 0.55), (0.37, 0.79, 0.38), (0.99, 0.91, 0.14))
RING_COLOR, RIM_COLOR = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)
SHOWN = (LARGEST, 0.5, 0.3, 0.1)
"""Nats that a legend names."""

Color = tuple[float, float, float]


def color_of(nats: float) -> Color:
    at = np.clip(nats / LARGEST, 0, 1) * (len(VIRIDIS) - 1)
    red, green, blue = (float(np.interp(at, range(len(VIRIDIS)), channel)) for channel in zip(*VIRIDIS, strict=True))
    return red, green, blue


def gain_table() -> np.ndarray:
    """RGBA float [256, 4] in 0..1."""
    table = np.zeros((256, 4))
    for code in range(1, STEPS + 1):
        table[code] = *color_of(LARGEST * code / STEPS), 0.35 + 0.65 * code / STEPS
    table[RING], table[RIM] = (*RING_COLOR, 1.0), (*RIM_COLOR, 1.0)
    return table


def legend_entries() -> list[tuple[str, Color]]:
    """(words, color), the largest first."""
    words = [f"{nats:.2f} nats" for nats in SHOWN]
    words[0], words[-1] = f"{words[0]}: tells most", f"{words[-1]}: tells little"
    return [(text, color_of(nats)) for text, nats in zip(words, SHOWN, strict=True)]


def gain_codes(click: NextClick, spacing: tuple[float, float] = (1.0, 1.0), marker: bool = True) -> np.ndarray:
    """uint8 [H, W] of a click's map over every pixel, with a ring around the place; `spacing` (row mm, column mm) makes
    it round on pixels that are not square."""
    gains = click.gains
    codes = np.where(gains >= FLOOR, np.clip(np.rint(gains * (STEPS / LARGEST)), 1, STEPS), 0).astype(np.uint8)
    if marker:
        _mark(codes, click, spacing)
    return codes


def _mark(codes: np.ndarray, click: NextClick, spacing: tuple[float, float]) -> None:
    fine = min(spacing)
    height, width = codes.shape
    dy = (np.arange(height) + 0.5 - click.y)[:, None] * (spacing[0] / fine)
    dx = (np.arange(width) + 0.5 - click.x)[None, :] * (spacing[1] / fine)
    away = np.hypot(dx, dy)
    side = max(height * spacing[0], width * spacing[1]) / fine
    radius = max(3.5, side / 45)
    line = max(1.0, radius / 6)
    codes[np.abs(away - radius) <= line * 1.5] = RIM
    codes[np.abs(away - radius) <= line * 0.5] = RING
    codes[away <= max(0.75, line * 0.75)] = RING
