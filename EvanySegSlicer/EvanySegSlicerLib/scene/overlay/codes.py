"""The overlay's numbers: what code a voxel gets, which of two codes is worse, and the colour of each code."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from evanyseg.bands import BAND_COLORS, BandThresholds, QualityBand
from evanyseg.overlay_codes import OUTSIDE, STALE, STALE_COLOR, UNSCORED
from evanyseg.overlay_codes import ZERO_DICE as SCORED
from evanyseg.overlay_codes import code_of as code_of_dice

from ..table.records import MISSING, ScoreRecord

WORST_COLOR = (0.6, 0.1, 0.0)
"""Dice 0 in the continuous table: darker and redder than `poor`."""


def code_of(row: ScoreRecord) -> int:
    """OUTSIDE for a slice that has no mask (`Missing?`)."""
    if row.kind == MISSING:
        return OUTSIDE
    if row.stale:
        return STALE
    return code_of_dice(row.dice)


def band_of_code(code: int, thresholds: BandThresholds) -> str:
    """'good', 'check', 'poor', 'unscored', 'stale', or '' outside: for legends and bands in 3D.

    The code holds two decimals; thresholds are compared at that resolution.
    """
    if code < UNSCORED:
        return ""
    if code < SCORED:
        return "stale" if code == STALE else QualityBand.UNSCORED.value
    return thresholds.band((code - SCORED) / 100 + 1e-9).value


def severity(thresholds: BandThresholds) -> np.ndarray:
    """uint8 [256]: higher is worse; 0 for OUTSIDE. Poor beats stale and unscored, which beat check and good."""
    order = [OUTSIDE]
    scored = range(SCORED + 100, SCORED - 1, -1)
    fine = [c for c in scored if band_of_code(c, thresholds) != QualityBand.POOR.value]
    order += fine + [UNSCORED, STALE] + [c for c in scored if c not in set(fine)]
    table = np.zeros(256, np.uint8)
    table[order] = np.arange(len(order))
    return table


def worst(table: np.ndarray, codes: Iterable[np.ndarray]) -> np.ndarray:
    """Voxelwise worst of broadcastable code arrays; `table` is `severity`."""
    result: np.ndarray | None = None
    for other in codes:
        if result is None:
            result = np.asarray(other)
        else:
            result = np.where(table[other] > table[result], other, result)
    if result is None:
        raise ValueError("worst() needs at least one array")
    return result.astype(np.uint8)


def color_table(thresholds: BandThresholds, continuous: bool = False) -> np.ndarray:
    """RGBA float [256, 4]: transparent outside, one colour per band, or a ramp through the bands' colours."""
    table = np.zeros((256, 4))
    colors = {band.value: color for band, color in BAND_COLORS.items()} | {"stale": STALE_COLOR}
    for code in range(256):
        name = band_of_code(min(code, SCORED + 100), thresholds)
        if name and not UNSCORED + 1 < code < SCORED:
            table[code] = *colors[name], 1.0
    table[STALE] = *STALE_COLOR, 1.0
    if continuous:
        dice = np.linspace(0, 1, 101)
        stops = [0.0, (thresholds.check * 2) / 3, (thresholds.check + thresholds.good) / 2, 1.0]
        ramp = np.array(
            [WORST_COLOR, *(BAND_COLORS[b] for b in (QualityBand.POOR, QualityBand.CHECK, QualityBand.GOOD))]
        )
        for channel in range(3):
            table[SCORED : SCORED + 101, channel] = np.interp(dice, stops, ramp[:, channel])
    return table


def legend_entries(thresholds: BandThresholds) -> list[tuple[str, tuple[float, float, float]]]:
    """(words, colour) from best to worst, then what has no score."""
    return [
        (f"good, Dice ≥ {thresholds.good:.2f}", BAND_COLORS[QualityBand.GOOD]),
        (f"check, {thresholds.check:.2f} to {thresholds.good:.2f}", BAND_COLORS[QualityBand.CHECK]),
        (f"poor, below {thresholds.check:.2f}", BAND_COLORS[QualityBand.POOR]),
        ("unscored", BAND_COLORS[QualityBand.UNSCORED]),
        ("stale: edited since", STALE_COLOR),
    ]
