"""Third stage: boosted trees over the mask's measured shape and the network's numbers, in the engine's format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingRegressor
from torch.utils.data import DataLoader

from evanyseg.nets.builtin_estimator import BuiltinEstimatorNet, estimator_forward
from evanyseg.quality.context import AUXILIARY_COUNT
from evanyseg.quality.gbdt import NAMES, NETWORK_NUMBERS, Trees, tree_inputs

from ..files import write_tensors
from .samples.data import EpochSampler, EstimatorData, collate


@dataclass(frozen=True)
class TreeOptions:
    """`rounds`: trees of the Dice ensemble; the two quantile ensembles have as many. `blend`: weight of a second fit
    that sees nothing of the network: on images unlike the training's, its numbers are worth less than on those that it
    was trained on, which the first fit takes at their word. `network`: share of the network's own answer in the
    result."""

    rounds: int = 400
    leaves: int = 31
    rate: float = 0.04
    fewest: int = 60
    levels: tuple[float, ...] = (0.05, 0.95)
    blend: float = 0.0
    network: float = 0.0
    seed: int = 0


def collect(
    net: BuiltinEstimatorNet, data: EstimatorData, groups: int, first: int, flips: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Tree inputs [N, F] and true Dice [N] of random groups of masks, from sample index `first` on."""
    sampler = EpochSampler(groups, position=lambda: first)
    return tree_inputs_of(net, DataLoader(data, 8, sampler=sampler, collate_fn=collate), flips)


def tree_inputs_of(net: BuiltinEstimatorNet, loader: DataLoader, flips: bool) -> tuple[np.ndarray, np.ndarray]:
    """Tree inputs [N, F] and true Dice [N] of all batches of a loader."""
    inputs, true = [], []
    with torch.inference_mode():
        for batch in loader:
            out = {k: v.float().numpy() for k, v in estimator_forward(net, batch, flips).items()}
            inputs.append(tree_inputs(batch["auxiliary"].numpy(), out))
            true.append(batch["dice"].numpy())
    return np.concatenate(inputs), np.concatenate(true).astype(float)


def fit_trees(
    inputs: np.ndarray, true: np.ndarray, options: TreeOptions | None = None, measured: int = AUXILIARY_COUNT
) -> Trees:
    """Ensembles for Dice (squared error) and for its outer quantiles (pinball), as one `Trees`.

    inputs [N, F], of which the first `measured` columns are not the network's; true [N].
    """
    options = options or TreeOptions()
    inputs = inputs.astype(np.float32).astype(np.float64)
    trees = _fitted(inputs, true, options)
    if options.blend > 0:
        trees = mixed([(1 - options.blend, trees), (options.blend, _fitted(inputs[:, :measured], true, options))])
    return replace(trees, network=options.network)


def _fitted(inputs: np.ndarray, true: np.ndarray, options: TreeOptions) -> Trees:
    shared = {
        "max_iter": options.rounds, "learning_rate": options.rate, "max_leaf_nodes": options.leaves,
        "min_samples_leaf": options.fewest, "l2_regularization": 1.0, "random_state": options.seed,
        "early_stopping": False,
    }  # fmt: skip
    models = [HistGradientBoostingRegressor(**shared)]
    models += [HistGradientBoostingRegressor(loss="quantile", quantile=level, **shared) for level in options.levels]
    return pack([model.fit(inputs, true) for model in models])


def mixed(parts: Sequence[tuple[float, Trees]]) -> Trees:
    """One ensemble that answers with the weighted sum of several with the same outputs."""
    nodes = max(trees.value.shape[2] for _, trees in parts)

    def joined(name: str) -> np.ndarray:
        found = []
        for weight, trees in parts:
            array = getattr(trees, name)
            here = np.broadcast_to(np.arange(nodes), (*array.shape[:2], nodes))
            padded = here.copy() if name in ("left", "right") else np.zeros(here.shape, array.dtype)
            padded[..., : array.shape[2]] = weight * array if name == "value" else array
            found.append(padded)
        return np.concatenate(found, axis=1)

    base = sum(weight * trees.base for weight, trees in parts)
    feature, threshold, left, right, value = map(joined, NAMES)
    return Trees(feature, threshold, left, right, value, np.asarray(base))


def pack(models: Sequence[HistGradientBoostingRegressor]) -> Trees:
    """scikit-learn's fitted ensembles of numerical features as arrays.

    Its predictors are read from `_predictors` (one list per round), whose node records have been stable since 0.24:
    value, feature_idx, num_threshold, left, right, is_leaf, children after their parent.
    """
    rounds = max(len(m._predictors) for m in models)
    nodes = max(len(p[0].nodes) for m in models for p in m._predictors)
    shape = (len(models), rounds, nodes)
    here = np.broadcast_to(np.arange(nodes), shape)
    feature, left, right = np.zeros(shape, np.int64), here.copy(), here.copy()
    threshold, value = np.zeros(shape), np.zeros(shape)
    for number, model in enumerate(models):
        for tree, (predictor,) in enumerate(model._predictors):
            found = predictor.nodes
            at = (number, tree, slice(0, len(found)))
            inner = found["is_leaf"] == 0
            feature[at] = np.where(inner, found["feature_idx"], 0)
            threshold[at] = np.where(inner, found["num_threshold"], 0.0)
            left[at] = np.where(inner, found["left"], here[at])
            right[at] = np.where(inner, found["right"], here[at])
            value[at] = np.where(inner, 0.0, found["value"])
    base = np.array([float(np.asarray(m._baseline_prediction).ravel()[0]) for m in models])
    return Trees(feature, threshold, left, right, value, base)


def write_trees(path: Path, trees: Trees) -> None:
    write_tensors(path, trees.tensors())


def read_trees(path: Path | None) -> Trees | None:
    """What `write_trees` wrote; None for no path. Raises WeightsError for damaged arrays."""
    from safetensors.numpy import load_file

    return None if path is None else Trees.from_tensors(load_file(path), AUXILIARY_COUNT + NETWORK_NUMBERS)
