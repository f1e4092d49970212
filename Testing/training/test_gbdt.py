"""Fitted trees give scikit-learn's numbers in the engine's format."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from evanyseg.quality.gbdt import Trees
from evanyseg_training.estimator.gbdt import TreeOptions, fit_trees, pack


@pytest.fixture(scope="module")
def made_up():
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((1500, 6)).round(4).astype(np.float32).astype(np.float64)
    return inputs, 1 / (1 + np.exp(-inputs[:, 0] + inputs[:, 1] * inputs[:, 2])) + 0.05 * rng.standard_normal(1500)


def test_packed_trees_equal_scikit_learn(made_up):
    inputs, true = made_up
    models = [
        HistGradientBoostingRegressor(max_iter=20, early_stopping=False).fit(inputs, true),
        HistGradientBoostingRegressor(loss="quantile", quantile=0.9, max_iter=30, early_stopping=False).fit(
            inputs, true
        ),
    ]
    packed = Trees.from_tensors(pack(models).tensors(), 6)
    for number, model in enumerate(models):
        np.testing.assert_allclose(packed.predict(inputs)[:, number], model.predict(inputs), atol=1e-5)


def test_three_outputs_are_the_dice_and_its_outer_quantiles(made_up):
    inputs, true = made_up
    found = fit_trees(inputs, true, TreeOptions(rounds=150)).predict(inputs)
    assert np.corrcoef(found[:, 0], true)[0, 1] > 0.9
    assert (true < found[:, 1]).mean() == pytest.approx(0.05, abs=0.04)
    assert (true > found[:, 2]).mean() == pytest.approx(0.05, abs=0.04)


def test_a_blend_is_the_mean_of_two_fits(made_up):
    inputs, true = made_up
    plain, blended = TreeOptions(rounds=20), TreeOptions(rounds=20, blend=0.25)
    whole, measured = fit_trees(inputs, true, plain), fit_trees(inputs[:, :2], true, plain)
    found = Trees.from_tensors(fit_trees(inputs, true, blended, measured=2).tensors(), 6).predict(inputs)
    expected = 0.75 * whole.predict(inputs) + 0.25 * measured.predict(inputs[:, :2])
    np.testing.assert_allclose(found, expected, atol=1e-5)
