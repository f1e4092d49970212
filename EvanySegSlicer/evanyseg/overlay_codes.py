"""Codes of the quality overlay, one byte a voxel: their numbers and colours, shared by every front end.

0 outside every mask, 1 unscored, 2 stale, 100 + round(100 dice) scored: 100 (a Dice of 0) to 200. Where masks overlap
the worst wins: poor beats stale and unscored, which beat check and good.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from .bands import BAND_COLORS, BandThresholds, QualityBand

OUTSIDE, UNSCORED, STALE, ZERO_DICE, FULL_DICE = 0, 1, 2, 100, 200

STALE_NAME = "stale"
STALE_COLOR = (0.8, 0.475, 0.655)
"""Okabe-Ito reddish purple: no band has it."""

WORST_COLOR = (0.6, 0.1, 0.0)
"""Dice 0 in the continuous table: darker and redder than `poor`."""

Color = tuple[float, float, float]

COLORS: dict[str, Color] = {**{band.value: color for band, color in BAND_COLORS.items()}, STALE_NAME: STALE_COLOR}
"""RGB 0..1 of every name that `band_of_code` gives."""


def code_of(dice: float) -> int:
    """The code of a score, clipped to [0, 1]; NaN is unscored."""
    return UNSCORED if math.isnan(dice) else ZERO_DICE + round(100 * min(max(dice, 0.0), 1.0))


def band_of_code(code: int, bands: BandThresholds) -> str:
    """'good', 'check', 'poor', 'unscored', 'stale', or '' outside and for codes that do not occur."""
    if code == UNSCORED:
        return QualityBand.UNSCORED.value
    if code == STALE:
        return STALE_NAME
    return bands.band((code - ZERO_DICE) / 100).value if ZERO_DICE <= code <= FULL_DICE else ""


def severity(bands: BandThresholds) -> np.ndarray:
    """uint8 [256]: higher is worse; 0 for OUTSIDE (and codes that do not occur)."""
    scored = range(FULL_DICE, ZERO_DICE - 1, -1)
    fine = [c for c in scored if band_of_code(c, bands) != QualityBand.POOR.value]
    order = [OUTSIDE, *fine, UNSCORED, STALE, *scored[len(fine) :]]
    table = np.zeros(256, np.uint8)
    table[order] = np.arange(len(order))
    return table


def worst(severities: np.ndarray, codes: Iterable[np.ndarray]) -> np.ndarray:
    """Voxelwise worst of broadcastable code arrays, uint8; `severities`: `severity` of the bands. Raises ValueError
    without an array."""
    result: np.ndarray | None = None
    for other in codes:
        if result is None:
            result = np.asarray(other)
        else:
            result = np.where(severities[other] > severities[result], other, result)
    if result is None:
        raise ValueError("worst() needs at least one array")
    return result.astype(np.uint8)


def paint(overlay: np.ndarray, mask: np.ndarray, code: int, severities: np.ndarray) -> None:
    """Put `code` where `mask` is True, in place; where masks overlap the worst stays.

    overlay uint8 and mask bool of one shape (a slice's view of the overlay volume).
    """
    overlay[mask] = worst(severities, (overlay[mask], np.array(code, np.uint8)))


def color_table(bands: BandThresholds, continuous: bool = False) -> np.ndarray:
    """RGBA float [256, 4] in 0..1: transparent outside, one colour per band, or a ramp through the bands' colours."""
    table = np.zeros((256, 4))
    for code in range(256):
        if name := band_of_code(code, bands):
            table[code] = *COLORS[name], 1.0
    if continuous:
        dice = np.linspace(0, 1, 101)
        stops = [0.0, (bands.check * 2) / 3, (bands.check + bands.good) / 2, 1.0]
        ramp = np.array(
            [WORST_COLOR, *(BAND_COLORS[b] for b in (QualityBand.POOR, QualityBand.CHECK, QualityBand.GOOD))]
        )
        for channel in range(3):
            table[ZERO_DICE : FULL_DICE + 1, channel] = np.interp(dice, stops, ramp[:, channel])
    return table


def color_table_text(bands: BandThresholds) -> str:
    """A Slicer colour file (.ctbl): `label name red green blue alpha` a line."""
    lines = ["# Quality overlay: 0 outside, 1 unscored, 2 stale, 100 + 100 x predicted Dice", "0 outside 0 0 0 0"]
    for code, rgba in enumerate(color_table(bands)):
        name = band_of_code(code, bands)
        if name:
            dice = f"_{(code - ZERO_DICE) / 100:.2f}" if code >= ZERO_DICE else ""
            red, green, blue = (round(255 * c) for c in rgba[:3])
            lines.append(f"{code} {name}{dice} {red} {green} {blue} 255")
    return "\n".join(lines) + "\n"


def legend_entries(bands: BandThresholds) -> list[tuple[str, Color]]:
    """(words, colour) from best to worst, then what has no score."""
    return [
        (f"good, Dice ≥ {bands.good:.2f}", BAND_COLORS[QualityBand.GOOD]),
        (f"check, {bands.check:.2f} to {bands.good:.2f}", BAND_COLORS[QualityBand.CHECK]),
        (f"poor, below {bands.check:.2f}", BAND_COLORS[QualityBand.POOR]),
        ("unscored", BAND_COLORS[QualityBand.UNSCORED]),
        ("stale: edited since", STALE_COLOR),
    ]
