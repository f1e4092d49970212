"""Fitting recalibration and conformal offsets."""

import numpy as np
import pytest

from evanyseg.quality.ood import STATISTICS
from evanyseg_training.estimator.calibrate import (
    CalibrationData,
    coverage_and_width,
    fit_calibration,
    fit_ood_detector,
    fit_recalibration,
)


def made_up(count, seed, bias=0.0, noise=0.1):
    rng = np.random.default_rng(seed)
    true = rng.uniform(0, 1, count)
    dice = np.clip(0.7 * true + 0.1 + bias + rng.normal(0, noise, count), 0, 1)
    return CalibrationData(dice, dice - 0.05, dice + 0.05, true, np.arange(count))


def test_recalibration_undoes_a_monotone_distortion():
    found = made_up(4000, 0, noise=0.0)
    x, y = fit_recalibration(found.dice, found.true)
    assert (np.diff(x) > 0).all()
    assert (np.diff(y) >= 0).all()
    assert np.abs(np.interp(found.dice, x, y) - found.true).mean() < 0.01


def test_recalibration_keeps_the_order_of_masks():
    rng = np.random.default_rng(1)
    predicted = rng.uniform(0, 1, 600)
    x, y = fit_recalibration(predicted, rng.uniform(0, 1, 600))  # no relation at all: isotonic would be flat
    inner = np.sort(predicted)
    assert (np.diff(np.interp(inner, x, y)) > 0).mean() > 0.99


def test_coverage_on_new_masks_is_nominal_in_every_third():
    calibration = fit_calibration(made_up(1500, 2), made_up(1500, 3))
    fresh = made_up(6000, 4)
    coverage, width = coverage_and_width(calibration, fresh)
    assert coverage == pytest.approx(0.9, abs=0.025)
    assert 0.2 < width < 0.6
    center, low, high = calibration.apply(fresh.dice, fresh.low, fresh.high)
    inside = (fresh.true >= low) & (fresh.true <= high)
    for third in np.array_split(np.argsort(center), 3):
        assert inside[third].mean() == pytest.approx(0.9, abs=0.05)


def test_few_masks_share_one_offset():
    assert len(fit_calibration(made_up(50, 0), made_up(50, 1)).offsets) == 1
    assert len(fit_calibration(made_up(300, 0), made_up(300, 1)).offsets) == 3


def test_offset_by_hand():
    """Perfect center, intervals of no width, errors 0.01 .. 0.19: the 18th of 19 is the 90 % offset."""
    true = np.linspace(0.3, 0.6, 19)
    exact = CalibrationData(true, true, true, true, np.arange(19))
    shifted = CalibrationData(true, true, true, true + np.arange(1, 20) / 100, np.arange(19))
    calibration = fit_calibration(exact, shifted)
    assert calibration.offsets[0][0] == pytest.approx(0.18, abs=0.01)


def test_five_in_a_hundred_other_images_of_the_same_kind_are_out_of_distribution():
    rng = np.random.default_rng(0)
    train, others = rng.standard_normal((2, 600, STATISTICS))
    ood_detector = fit_ood_detector(train, others)
    assert (ood_detector.ood_score(others) > ood_detector.limit).mean() == pytest.approx(0.05, abs=0.002)
    assert (ood_detector.ood_score(others + 4) > ood_detector.limit).all()
    assert ood_detector.mean == pytest.approx(train.mean(axis=0))
