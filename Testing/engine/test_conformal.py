"""Recalibration and conformal intervals, against numbers worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evanyseg.errors import WeightsError
from evanyseg.quality.conformal import Calibration, conformal_quantile, weighted_quantile


def plain(**changes):
    values = {
        "knots_x": (0.0, 0.5, 1.0),
        "knots_y": (0.1, 0.4, 0.9),
        "edges": (0.5,),
        "offsets": ((0.1, 0.05), (0.02, 0.03)),
        "level": 0.9,
    }
    return Calibration(**(values | changes))


def test_quantile_by_hand():
    scores = np.arange(1, 10) / 10  # nine scores: rank ceil(10 * .9) = 9
    assert conformal_quantile(scores, 0.9) == pytest.approx(0.9)
    assert conformal_quantile(scores, 0.5) == pytest.approx(0.5)
    assert conformal_quantile(np.arange(1, 20), 0.9) == 18  # rank ceil(20 * .9) = 18
    assert conformal_quantile(np.array([0.3]), 0.9) == pytest.approx(0.3)
    assert conformal_quantile(np.zeros(0), 0.9) == 0.0


def test_apply_by_hand():
    dice, low, high = plain().apply(np.array([0.25, 1.0]), np.array([0.0, 0.5]), np.array([0.5, 1.0]))
    np.testing.assert_allclose(dice, [0.25, 0.9])
    np.testing.assert_allclose(low, [0.1 - 0.1, 0.4 - 0.02])
    np.testing.assert_allclose(high, [0.4 + 0.05, 0.93])


def test_each_distance_from_the_training_images_has_offsets_of_its_own():
    offsets = ((0.1, 0.05), (0.02, 0.03), (0.2, 0.25), (0.12, 0.13), (0.4, 0.45), (0.32, 0.33))
    calibration = plain(offsets=offsets, ood_edges=(1.0, 2.0))
    dice, low, high = (np.full(4, v) for v in (0.25, 0.0, 0.5))
    _, low, high = calibration.apply(dice, low, high, np.array([0.5, 1.0, 1.9, 2.5]))
    np.testing.assert_allclose(low, [0.0, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(high, [0.45, 0.65, 0.65, 0.85])
    assert calibration.cell(np.array([0.6, 0.6]), np.array([0.0, 1.5])).tolist() == [1, 3]
    # where the distance is not known, the farthest
    assert calibration.apply(*(np.array([v]) for v in (0.25, 0.0, 0.5)))[2] == pytest.approx(0.85)
    assert Calibration.from_json(calibration.as_json()) == calibration


def test_files_without_distances_are_read_as_before():
    stored = {k: v for k, v in plain().as_json().items() if k != "ood_edges"}
    assert Calibration.from_json(stored) == plain()


def test_weighted_quantile_by_hand():
    scores, weights = np.array([3.0, 1.0, 2.0]), np.array([0.1, 0.5, 0.4])
    assert [weighted_quantile(scores, weights, q) for q in (0.4, 0.5, 0.6, 0.9, 0.95)] == [1, 1, 2, 2, 3]
    even = np.arange(1, 11.0)
    assert weighted_quantile(even, np.full(10, 0.1), 0.9) == 9
    assert weighted_quantile(np.zeros(0), np.zeros(0), 0.9) == 0.0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_interval_always_holds_the_estimate_within_zero_and_one(values):
    low, dice, high = sorted(values)
    narrow = plain(offsets=((-0.2, -0.2), (-0.2, -0.2)))
    for calibration in (plain(), narrow):
        d, lo, hi = (float(v[0]) for v in calibration.apply(*(np.array([v]) for v in (dice, low, high))))
        assert 0 <= lo <= d <= hi <= 1


def test_coverage_of_new_cases_reaches_the_level():
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(200):
        scores = rng.standard_normal(99)
        covered.append((rng.standard_normal(200) <= conformal_quantile(scores, 0.9)).mean())
    assert np.mean(covered) == pytest.approx(0.9, abs=0.01)


def test_json_round_trip():
    assert Calibration.from_json(plain().as_json()) == plain()


@pytest.mark.parametrize(
    "changes",
    [
        {"knots_x": (0.0, 0.0, 1.0)},
        {"knots_y": (0.5, 0.4, 0.9)},
        {"edges": ()},
        {"level": 1.5},
        {"knots_x": ()},
        {"ood_edges": (1.0,)},
        {"ood_edges": (2.0, 1.0), "offsets": ((0.1, 0.1),) * 6},
    ],
)
def test_impossible_calibrations_are_refused(changes):
    stored = plain().as_json() | {k: list(v) if isinstance(v, tuple) else v for k, v in changes.items()}
    with pytest.raises(WeightsError, match="inconsistent"):
        Calibration.from_json(stored)


def test_a_file_without_the_numbers_is_refused():
    with pytest.raises(WeightsError, match="cannot be read"):
        Calibration.from_json({"knots_x": [0]})
