"""Bands: word and colour, told apart by colour-blind readers and in grey."""

from __future__ import annotations

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evanyseg.bands import BAND_COLORS, BandThresholds, QualityBand


def test_the_thresholds_belong_to_the_better_band() -> None:
    bands = BandThresholds()
    assert [bands.band(d).value for d in (1.0, 0.9, 0.89, 0.7, 0.69, 0.0)] == [
        "good", "good", "check", "check", "poor", "poor",
    ]  # fmt: skip
    assert bands.band(math.nan) is QualityBand.UNSCORED


@given(st.floats(0, 1))
def test_a_score_has_the_band_of_the_number_that_is_shown(dice: float) -> None:
    bands = BandThresholds()
    assert bands.band(dice) is bands.band(float(f"{dice:.2f}"))
    assert bands.band(0.6951) is QualityBand.CHECK  # shown as 0.70, where "check" begins


@pytest.mark.parametrize(("good", "check"), [(0.7, 0.9), (0.8, 0.8), (1.1, 0.5), (0.5, 0.0), (math.nan, 0.5)])
def test_thresholds_out_of_order_are_refused(good: float, check: float) -> None:
    with pytest.raises(ValueError, match="Bands need"):
        BandThresholds(good, check)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_better_score_never_has_a_worse_band(a: float, b: float) -> None:
    order = [QualityBand.POOR, QualityBand.CHECK, QualityBand.GOOD]
    bands = BandThresholds(0.85, 0.6)
    low, high = sorted((a, b))
    assert order.index(bands.band(low)) <= order.index(bands.band(high))


def _luminance(color: tuple[float, float, float]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _deuteranope(color: tuple[float, float, float]) -> tuple[float, ...]:
    """Machado et al. 2009, severity 1.0, on linear RGB (clipped)."""
    matrix = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color]
    return tuple(min(1.0, max(0.0, sum(m * c for m, c in zip(row, linear, strict=True)))) for row in matrix)


def test_good_check_and_poor_differ_without_red_and_green() -> None:
    scored = [BAND_COLORS[b] for b in (QualityBand.GOOD, QualityBand.CHECK, QualityBand.POOR)]
    for a, b in combinations([_deuteranope(c) for c in scored], 2):
        assert math.dist(a, b) > 0.2
    assert set(BAND_COLORS) == set(QualityBand)


def test_what_needs_a_look_stands_out_in_gray() -> None:
    assert abs(_luminance(BAND_COLORS[QualityBand.CHECK]) - _luminance(BAND_COLORS[QualityBand.GOOD])) > 0.3
    assert abs(_luminance(BAND_COLORS[QualityBand.CHECK]) - _luminance(BAND_COLORS[QualityBand.POOR])) > 0.3
