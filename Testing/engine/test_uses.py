"""The four uses of predicted quality, with NaN never poor, never best, never averaged, always counted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evanyseg.results import QualityEstimate
from evanyseg.uses import alert_below, best_of_candidates, compare_segmenters, find_poor, select_best

NAN = math.nan
SCORES = st.lists(st.one_of(st.just(NAN), st.floats(0, 1)), max_size=60)


def test_the_lowest_percentile_worst_first() -> None:
    found = find_poor([0.9, 0.2, NAN, 0.5, 0.8, 0.1], 40)
    assert found.indices == (5, 1)
    assert found.threshold == 0.2
    assert found.unscored == (2,)


def test_a_small_set_still_gives_one_and_all_gives_all() -> None:
    assert find_poor([0.5, 0.4, 0.6], 1).indices == (1,)
    assert find_poor([0.5, 0.4, 0.6], 100).indices == (1, 0, 2)
    assert find_poor(np.linspace(0, 1, 1000), 10).indices == tuple(range(100))


def test_nothing_scored_finds_nothing_poor() -> None:
    found = find_poor([NAN, NAN])
    assert found.indices == ()
    assert math.isnan(found.threshold)
    assert found.unscored == (0, 1)


@pytest.mark.parametrize("percentile", [0, -5, 101, NAN])
def test_impossible_percentiles_are_refused(percentile: float) -> None:
    with pytest.raises(ValueError, match="percentile"):
        find_poor([0.5], percentile)


@given(SCORES, st.floats(0.5, 100))
def test_no_sample_that_is_left_out_is_worse(scores: list[float], percentile: float) -> None:
    found = find_poor(scores, percentile)
    rest = [s for i, s in enumerate(scores) if i not in found.indices and not math.isnan(s)]
    assert all(s >= found.threshold for s in rest)
    assert not any(math.isnan(scores[i]) for i in found.indices)


def test_alert_is_strictly_below_and_counts_the_unscored() -> None:
    found = alert_below([0.7, 0.69, NAN, 0.1], 0.7)
    assert found.below == (3, 1)
    assert found.unscored == (2,)
    assert found.raised
    assert not alert_below([0.7, 0.9], 0.7).raised
    assert alert_below([NAN], 0.7).raised  # nobody vouches for it
    with pytest.raises(ValueError, match="between 0 and 1"):
        alert_below([0.5], 70)


def test_the_best_candidate_of_each_sample() -> None:
    table = [[0.5, 0.9, 0.7], [NAN, 0.1, NAN], [NAN, NAN, NAN], [0.4, 0.4, 0.2]]
    assert select_best(table).tolist() == [1, 1, -1, 0]
    assert select_best(np.empty((2, 0))).tolist() == [-1, -1]
    with pytest.raises(ValueError, match=r"\[samples, candidates\]"):
        select_best([0.5, 0.4])


def test_candidates_are_ranked_with_unscored_last() -> None:
    made = [QualityEstimate(d, d, d, 0.9, "x") for d in (0.3, 0.8, 0.8)]
    made.insert(1, QualityEstimate.unscored("x", "empty mask"))
    assert best_of_candidates(made) == [2, 3, 0, 1]


def test_a_better_segmenter_is_found_with_an_interval_that_holds_its_mean() -> None:
    random = np.random.default_rng(0)
    easy = random.uniform(0.4, 1, 200)  # how easy each sample is: shared, so that pairs say more than means
    scores = {"b": easy - 0.03 + random.normal(0, 0.01, 200), "a": easy}
    found = compare_segmenters(scores)
    assert [m.name for m in found.means] == ["a", "b"]
    for mean in found.means:
        assert mean.low < mean.mean < mean.high
    pair = found.differences[0]
    assert (pair.first, pair.second, pair.samples) == ("a", "b", 200)
    assert pair.low < 0.03 < pair.high
    assert pair.clear
    assert pair.high - pair.low < 0.2 * (found.means[0].high - found.means[0].low)


def test_equal_segmenters_are_not_told_apart() -> None:
    random = np.random.default_rng(1)
    truth = random.uniform(0.4, 1, 100)
    noisy = {name: truth + random.normal(0, 0.05, 100) for name in "ab"}
    assert not compare_segmenters(noisy).differences[0].clear


def test_unscored_samples_are_counted_and_left_out_of_pairs() -> None:
    found = compare_segmenters({"a": [0.9, NAN, 0.7, 0.8], "b": [0.5, 0.5, NAN, 0.6], "c": [NAN] * 4})
    by_name = {m.name: m for m in found.means}
    assert (by_name["a"].scored, by_name["a"].unscored) == (3, 1)
    assert math.isnan(by_name["c"].mean)
    assert found.means[-1].name == "c"
    pair = next(d for d in found.differences if (d.first, d.second) == ("a", "b"))
    assert pair.samples == 2
    assert pair.difference == pytest.approx(0.3)
    assert [d.samples for d in found.differences if "c" in (d.first, d.second)] == [0, 0]


def test_objects_of_one_image_do_not_narrow_the_interval() -> None:
    random = np.random.default_rng(2)
    images = np.repeat(random.uniform(0.3, 1, 20), 30)  # 30 equal objects in each of 20 images
    alone = compare_segmenters({"a": images, "b": images}).means[0]
    grouped = compare_segmenters({"a": images, "b": images}, groups=np.repeat(np.arange(20), 30).tolist()).means[0]
    assert grouped.mean == pytest.approx(alone.mean)
    assert grouped.high - grouped.low > 3 * (alone.high - alone.low)


def test_the_same_input_gives_the_same_intervals() -> None:
    scores = {"a": np.random.default_rng(3).uniform(0, 1, 50), "b": np.random.default_rng(4).uniform(0, 1, 50)}
    assert compare_segmenters(scores) == compare_segmenters(scores)


def test_one_image_alone_gives_no_interval() -> None:
    found = compare_segmenters({"a": [0.5, 0.7], "b": [0.4, 0.4]}, groups=["x", "x"])
    assert found.means[0].mean == pytest.approx(0.6)
    assert math.isnan(found.means[0].low)
    assert not found.differences[0].clear


def test_lists_of_different_lengths_and_odd_levels_are_refused() -> None:
    with pytest.raises(ValueError, match="same samples"):
        compare_segmenters({"a": [0.5], "b": [0.5, 0.6]})
    with pytest.raises(ValueError, match="level"):
        compare_segmenters({"a": [0.5], "b": [0.5]}, level=95)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_intervals_hold_their_mean(values: list[float]) -> None:
    found = compare_segmenters({"a": values, "b": values[::-1]}, resamples=200)
    for m in found.means:
        assert m.low - 1e-9 <= m.mean <= m.high + 1e-9 or np.ptp(values) > 0
        assert min(values) - 1e-9 <= m.low <= m.high <= max(values) + 1e-9
    assert found.differences[0].difference == pytest.approx(0, abs=1e-9)
