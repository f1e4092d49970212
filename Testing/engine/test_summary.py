"""One line per segment, and the order in which to look."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evanyseg.bands import BandThresholds, QualityBand
from evanyseg.scoring.summary import rank_worst_first, summarize

NAN = math.nan


@dataclass(frozen=True)
class Row:
    index: int
    area: float
    dice: float


def rows(*values: tuple[float, float]) -> list[Row]:
    return [Row(i, area, dice) for i, (area, dice) in enumerate(values)]


def test_the_mean_is_weighted_by_area_and_shares_add_up() -> None:
    found = summarize("liver", rows((100, 0.95), (300, 0.75), (100, 0.4), (50, NAN)))
    assert found.mean_dice == pytest.approx((95 + 225 + 40) / 500)
    assert found.median_dice == 0.75
    assert (found.worst_dice, found.worst_index) == (0.4, 2)
    assert (found.slices, found.scored, found.unscored) == (4, 3, 1)
    assert (found.poor_fraction, found.check_fraction) == (0.2, 0.6)
    assert found.band(BandThresholds()) is QualityBand.CHECK


def test_a_missed_slice_weighs_like_a_typical_one() -> None:
    found = summarize("liver", rows((100, 1.0), (100, 1.0), (0, 0.0)), missing=1)
    assert found.mean_dice == pytest.approx(2 / 3)
    assert found.poor_fraction == pytest.approx(1 / 3)
    assert found.missing == 1


def test_nothing_scored_gives_no_numbers() -> None:
    for nothing in (summarize("a", []), summarize("a", rows((5, NAN), (7, NAN)))):
        assert math.isnan(nothing.mean_dice)
        assert math.isnan(nothing.poor_fraction)
        assert nothing.worst_run is nothing.worst_index is None
        assert nothing.band(BandThresholds()) is QualityBand.UNSCORED


def test_the_worst_run_is_the_one_that_loses_most() -> None:
    found = summarize("a", rows((9, 0.1), (100, 0.9), (100, 0.6), (100, 0.5), (100, 0.65), (100, 0.9)))
    assert (found.worst_run.first, found.worst_run.last) == (2, 4)
    assert found.worst_run.mean_dice == pytest.approx(0.58333, abs=1e-4)
    assert summarize("a", rows((9, 0.9), (9, 0.8))).worst_run is None


def test_runs_break_at_gaps_whatever_the_order() -> None:
    scattered = [Row(5, 10, 0.2), Row(2, 10, 0.3), Row(3, 10, 0.3), Row(9, 10, 0.1)]
    run = summarize("a", scattered).worst_run
    assert (run.first, run.last) == (2, 3)


def test_people_look_at_the_worst_first_and_at_unscored_last() -> None:
    order = rank_worst_first([Row(0, 5, NAN), Row(1, 5, 0.9), Row(2, 5, 0.2), Row(3, 50, 0.2), Row(4, 5, 0.0)])
    assert [r.index for r in order] == [4, 3, 2, 1, 0]


@example([(5e-324, 0.5)])
@example([(5e-324, 0.3), (5e-324, 0.4), (0.0, 0.9)])
@given(st.lists(st.tuples(st.floats(0, 1e6), st.one_of(st.just(NAN), st.floats(0, 1))), max_size=30))
def test_summaries_stay_within_what_they_summarize(values) -> None:
    found = summarize("a", rows(*values))
    dice = [d for _, d in values if not math.isnan(d)]
    assert found.scored + found.unscored == found.slices == len(values)
    if dice:
        assert min(dice) - 1e-9 <= found.mean_dice <= max(dice) + 1e-9
        assert found.worst_dice == min(dice)
        if found.worst_run is not None:
            assert min(dice) - 1e-9 <= found.worst_run.mean_dice <= max(dice) + 1e-9
        assert 0 <= found.poor_fraction + found.check_fraction <= 1 + 1e-9
    assert sorted(r.index for r in rank_worst_first(rows(*values))) == list(range(len(values)))
