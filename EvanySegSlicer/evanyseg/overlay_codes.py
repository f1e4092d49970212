"""Codes of the quality overlay, one byte a voxel: the picture's numbers, shared by every front end.

0 outside every mask, 1 unscored, 2 stale, 100 + round(100 dice) scored: 100 (a Dice of 0) to 200.
"""

from __future__ import annotations

import math

import numpy as np

from .bands import BAND_COLORS, BandThresholds, QualityBand

OUTSIDE, UNSCORED, STALE, ZERO_DICE, FULL_DICE = 0, 1, 2, 100, 200

STALE_COLOR = (0.8, 0.475, 0.655)
"""Okabe-Ito reddish purple: no band has it."""


def code_of(dice: float) -> int:
    """The code of a score, clipped to [0, 1]; NaN is unscored."""
    return UNSCORED if math.isnan(dice) else ZERO_DICE + round(100 * min(max(dice, 0.0), 1.0))


def paint(overlay: np.ndarray, mask: np.ndarray, code: int) -> None:
    """Put `code` where `mask` is True, in place; where segments overlap the worst score wins, a score beats none.

    overlay uint8 and mask bool of one shape (a slice's view of the overlay volume).
    """
    before = overlay[mask]
    if code >= ZERO_DICE:
        overlay[mask] = np.where(before >= ZERO_DICE, np.minimum(before, code), code)
    else:
        overlay[mask] = np.where(before >= ZERO_DICE, before, np.maximum(before, code))


def color_table(bands: BandThresholds) -> dict[int, tuple[str, tuple[int, int, int]]]:
    """Code -> (name, RGB 0..255) by band, for the codes that occur."""
    grey = _bytes(BAND_COLORS[QualityBand.UNSCORED])
    table = {UNSCORED: ("unscored", grey), STALE: ("stale", _bytes(STALE_COLOR))}
    for code in range(ZERO_DICE, FULL_DICE + 1):
        dice = (code - ZERO_DICE) / 100
        band = bands.band(dice)
        table[code] = (f"{band.value} {dice:.2f}", _bytes(BAND_COLORS[band]))
    return table


def color_table_text(bands: BandThresholds) -> str:
    """A Slicer colour file (.ctbl): `label name red green blue alpha` a line."""
    lines = ["# Quality overlay: 0 outside, 1 unscored, 2 stale, 100 + 100 x predicted Dice", "0 outside 0 0 0 0"]
    for code, (name, (red, green, blue)) in color_table(bands).items():
        lines.append(f"{code} {name.replace(' ', '_')} {red} {green} {blue} 255")
    return "\n".join(lines) + "\n"


def _bytes(color: tuple[float, float, float]) -> tuple[int, int, int]:
    red, green, blue = (round(255 * c) for c in color)
    return red, green, blue
