"""The learner: the mean of extremely randomized trees, fitted by scikit-learn and kept as plain arrays
(`quality.gbdt.Trees`), and of a Gaussian process.

Which learner, and its settings, were chosen on training sources left out (`evanyseg-train adapt-learners`): the mean of
both is nearer to the truth than either, and than trees and a line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...device import require_package
from ...quality.gbdt import Trees
from ...threads import network_threads
from .gaussian_process import GaussianProcess, fit_gaussian_process
from .scale import shipped_scale


@dataclass(frozen=True)
class LearnerOptions:
    """trees: how many; leaf: fewest samples of a leaf; share: of the features that a split may choose from."""

    trees: int = 30
    leaf: int = 2
    share: float = 0.5
    seed: int = 0


@dataclass(frozen=True)
class Regression:
    """Dice of a mask from its features and the built-in answer."""

    trees: Trees
    process: GaussianProcess

    def predict(self, x: np.ndarray, builtin: np.ndarray) -> np.ndarray:
        """[N] of features [N, COUNT] and the built-in estimator's answers [N]."""
        out: np.ndarray = (self.trees.predict(x)[:, 0] + self.process.predict(x, builtin)) / 2
        return out


def fit_regression(
    x: np.ndarray,
    truth: np.ndarray,
    builtin: np.ndarray,
    weight: np.ndarray,
    group: np.ndarray,
    options: LearnerOptions,
) -> Regression:
    """From masks of known Dice. Raises MissingPackageError without scikit-learn."""
    process = fit_gaussian_process(x, truth, builtin, weight, group, shipped_scale())
    return Regression(fit_trees(x, truth, weight, options), process)


def fit_trees(x: np.ndarray, y: np.ndarray, weight: np.ndarray, options: LearnerOptions) -> Trees:
    """Trees with one output from features x [N, F], targets y [N] and weights [N].

    Raises MissingPackageError without scikit-learn.
    """
    require_package("sklearn", "scikit-learn", "Learning from corrections")
    from sklearn.ensemble import ExtraTreesRegressor

    forest = ExtraTreesRegressor(
        options.trees,
        min_samples_leaf=options.leaf,
        max_features=options.share,
        random_state=options.seed,
        n_jobs=network_threads(),  # threads, not processes; which one fits a tree changes nothing
    )
    forest.fit(x, y, sample_weight=weight)
    nodes = max(tree.tree_.node_count for tree in forest.estimators_)
    shape = (1, options.trees, nodes)
    here = np.broadcast_to(np.arange(nodes), shape)
    feature, left, right = np.zeros(shape, np.int64), here.copy(), here.copy()
    threshold, value = np.zeros(shape), np.zeros(shape)
    for number, fitted in enumerate(forest.estimators_):
        tree, size = fitted.tree_, fitted.tree_.node_count
        inner = np.flatnonzero(tree.children_left >= 0)
        feature[0, number, inner] = tree.feature[inner]
        threshold[0, number, inner] = tree.threshold[inner]
        left[0, number, inner] = tree.children_left[inner]
        right[0, number, inner] = tree.children_right[inner]
        # a forest is the mean of its trees, `Trees` the sum of its leaves
        value[0, number, :size] = tree.value[:, 0, 0] / options.trees
    return Trees(feature, threshold, left, right, value, np.zeros(1))
