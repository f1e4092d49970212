"""Boosted trees as arrays."""

import numpy as np
import pytest

from evanyseg.errors import WeightsError
from evanyseg.quality.gbdt import NETWORK, Trees, corrected, tree_inputs


def stump():
    """Two outputs of one tree each: x0 <= 1 -> 10, else (x1 <= 2 -> 20, else 30); the second output is base alone."""
    left = np.array([[[1, 1, 3, 3, 4]], [[0, 1, 2, 3, 4]]])
    right = np.array([[[2, 1, 4, 3, 4]], [[0, 1, 2, 3, 4]]])
    feature = np.array([[[0, 0, 1, 0, 0]], [[0] * 5]])
    threshold = np.array([[[1.0, 0, 2.0, 0, 0]], [[0.0] * 5]])
    value = np.array([[[0, 10, 0, 20, 30]], [[0.0] * 5]])
    return Trees(feature, threshold, left, right, value, np.array([0.5, 7.0]))


def test_walks_by_hand():
    found = stump().predict(np.array([[1.0, 9.0], [1.1, 2.0], [5.0, 2.5]]))
    np.testing.assert_allclose(found, [[10.5, 7], [20.5, 7], [30.5, 7]])


def test_the_file_holds_the_same_trees():
    again = Trees.from_tensors(stump().tensors(), features=2)
    inputs = np.random.default_rng(0).uniform(0, 4, (50, 2))
    np.testing.assert_allclose(again.predict(inputs), stump().predict(inputs), rtol=1e-6)
    assert Trees.from_tensors({"stem.weight": np.zeros(1)}, 2) is None


@pytest.mark.parametrize("harm", ["circle", "out of the tree", "unknown feature", "incomplete", "another shape"])
def test_damaged_trees_are_refused(harm):
    stored = stump().tensors()
    if harm == "circle":
        stored["trees.left"][0, 0, 2] = 0
    elif harm == "out of the tree":
        stored["trees.right"][0, 0, 0] = 99
    elif harm == "unknown feature":
        stored["trees.feature"][0, 0, 0] = 2
    elif harm == "incomplete":
        del stored["trees.value"]
    else:
        stored["trees.value"] = stored["trees.value"][:, :, :3]
    with pytest.raises(WeightsError, match="trees stored with the estimator"):
        Trees.from_tensors(stored, features=2)


def test_last_bits_do_not_matter_and_nothing_is_nan():
    out = {name: np.array([0.123456]) for name in NETWORK}
    nudged = {name: v + 1e-8 for name, v in out.items()}
    auxiliary = np.array([[1.0, np.nan]])
    np.testing.assert_array_equal(tree_inputs(auxiliary, out), tree_inputs(auxiliary, nudged))
    assert np.isfinite(tree_inputs(auxiliary, out)).all()


def test_corrected_numbers_are_in_order_and_within_zero_and_one():
    count = 2 + len(NETWORK)
    values = np.array([0.4, 0.7, 1.8]).reshape(3, 1, 1)  # the low end above the estimate, the high end above 1
    one = np.zeros((3, 1, 1), np.int64)
    trees = Trees(one, one.astype(float), one, one, values, np.zeros(3))
    out = {name: np.zeros(1) for name in NETWORK}
    found = corrected(trees, np.zeros((1, count - len(NETWORK))), out)
    assert [float(found[k][0]) for k in ("low", "dice", "high")] == pytest.approx([0.4, 0.4, 1.0])


def test_the_networks_own_answer_has_its_share():
    one = np.zeros((3, 1, 1), np.int64)
    values = np.array([0.6, 0.2, 0.8]).reshape(3, 1, 1)
    trees = Trees(one, one.astype(float), one, one, values, np.zeros(3), network=0.25)
    kept = Trees.from_tensors(trees.tensors(), features=2 + len(NETWORK))
    out = {name: np.zeros(1) for name in NETWORK} | {"dice": np.array([1.0]), "high": np.array([1.0])}
    found = corrected(kept, np.zeros((1, 2)), out)
    assert [float(found[k][0]) for k in ("low", "dice", "high")] == pytest.approx([0.15, 0.7, 0.85])


@pytest.mark.parametrize("share", [[-0.1], [1.5], [np.nan], [], [0.5, 0.5]])
def test_a_share_that_is_none_is_refused(share):
    one = np.zeros((3, 1, 1), np.int64)
    stored = Trees(one, one.astype(float), one, one, one.astype(float), np.zeros(3)).tensors()
    stored["trees.network"] = np.array(share, np.float32)
    with pytest.raises(WeightsError, match="trees stored with the estimator"):
        Trees.from_tensors(stored, features=2 + len(NETWORK))


def test_files_of_before_have_no_share():
    one = np.zeros((3, 1, 1), np.int64)
    stored = Trees(one, one.astype(float), one, one, one.astype(float), np.zeros(3)).tensors()
    del stored["trees.network"]
    assert Trees.from_tensors(stored, features=1).network == 0.0
