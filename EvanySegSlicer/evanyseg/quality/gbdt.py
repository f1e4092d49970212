"""Boosted regression trees as plain arrays: the estimator's last step, without a tree library.

Trees are good at what small networks are bad at: thresholds on a few measured numbers. Fitting is in
`evanyseg_training.estimator.gbdt`; here they are only evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import WeightsError

PREFIX = "trees."
NETWORK = ("mapped", "dice", "low", "lower", "upper", "high", "log_hd95")
NETWORK_NUMBERS = len(NETWORK)
STEPS_TOGETHER = 4
"""Steps down every tree before those that have arrived are looked for."""
NAMES = ("feature", "threshold", "left", "right", "value")


@dataclass(frozen=True)
class Trees:
    """One ensemble per output. All arrays [outputs, trees, nodes]: a node goes to `left` when its feature is <= the
    threshold, else to `right` (indices within the tree); a leaf has left = right = itself. base [outputs]. `network`:
    share that the network's own answer has in the result: trees cannot tell a rare perfect mask from the poor ones that
    happen to measure the same."""

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    base: np.ndarray
    network: float = 0.0

    @cached_property
    def _walk(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """All nodes in a row: root of each tree, feature and threshold of each node, and its two children in turn (a
        leaf's are itself)."""
        outputs, trees, nodes = self.feature.shape
        roots = np.arange(outputs * trees) * nodes
        children = np.stack([self.left, self.right], axis=-1).reshape(len(roots), nodes, 2) + roots[:, None, None]
        return roots, self.feature.ravel().astype(np.int32), _below(self.threshold.ravel()), children.ravel()

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """float64 [N, outputs]: base plus the leaves' values, of inputs [N, F] without NaN, as float32."""
        roots, feature, threshold, children = self._walk
        outputs, trees, _ = self.feature.shape
        count, width = inputs.shape
        numbers = np.ascontiguousarray(inputs, np.float32).ravel()
        rows = np.repeat(np.arange(count) * width, len(roots))
        at = np.tile(roots, count)

        def following(here: np.ndarray, row: np.ndarray) -> np.ndarray:
            right = numbers.take(row + feature.take(here)) > threshold.take(here)
            return children.take(2 * here + right)

        for _ in range(STEPS_TOGETHER):
            at = following(at, rows)
        walking = np.arange(at.size)  # few walks go on for long: the others are left where they ended
        while walking.size:
            here = at.take(walking)
            there = following(here, rows.take(walking))
            moved = there != here
            walking = walking[moved]
            at[walking] = there[moved]
        return self.base + self.value.ravel().take(at).reshape(count, outputs, trees).sum(axis=2)

    def tensors(self) -> dict[str, np.ndarray]:
        """For a weight file: the smallest integers that hold the numbers, and thresholds that send every float32 the
        same way as those in full."""
        packed: dict[str, np.ndarray] = {
            "feature": _small(self.feature),
            "threshold": _below(self.threshold),
            "left": _small(self.left),
            "right": _small(self.right),
            "value": self.value.astype(np.float32),
            "base": self.base.astype(np.float32),
            "network": np.array([self.network], np.float32),
        }
        return {PREFIX + name: array for name, array in packed.items()}

    @classmethod
    def from_tensors(cls, stored: Mapping[str, np.ndarray], features: int) -> Trees | None:
        """None when there are none. Raises WeightsError for arrays that would lead out of a tree or round in circles,
        or that ask for a feature beyond the first `features`."""
        found = {name.removeprefix(PREFIX): a for name, a in stored.items() if name.startswith(PREFIX)}
        if not found:
            return None
        share = found.pop("network", np.zeros(1))
        complete = set(found) == {*NAMES, "base"} and len({found[n].shape for n in NAMES}) == 1
        if not complete or found["feature"].ndim != 3 or share.shape != (1,) or not 0 <= share[0] <= 1:
            raise WeightsError("The trees stored with the estimator are incomplete; get its file anew.")
        whole = ("feature", "left", "right")
        arrays = {k: v.astype(np.int64 if k in whole else np.float64) for k, v in found.items()}
        trees = cls(**arrays, network=float(share[0]))
        here = np.broadcast_to(np.arange(trees.left.shape[2]), trees.left.shape)
        leaf = (trees.left == here) & (trees.right == here)
        # children come after their parent, so that every walk ends
        forward = (trees.left > here) & (trees.right > here) & (np.maximum(trees.left, trees.right) < here.shape[2])
        known = (trees.feature >= 0) & (trees.feature < features)
        if not ((leaf | forward) & known).all() or len(trees.base) != len(trees.feature):
            raise WeightsError("The trees stored with the estimator are damaged; get its file anew.")
        return trees


def _small(numbers: np.ndarray) -> np.ndarray:
    return numbers.astype(np.min_scalar_type(int(numbers.max(initial=0))))


def _below(thresholds: np.ndarray) -> np.ndarray:
    """The largest float32 that is not above each threshold: x <= it exactly when x <= the threshold, x float32 as the
    inputs are."""
    near = thresholds.astype(np.float32)
    return np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near)


def tree_inputs(auxiliary: np.ndarray, out: Mapping[str, np.ndarray]) -> np.ndarray:
    """float64 [N, F]: auxiliary features [N, AUXILIARY_COUNT] followed by the network's numbers, all rounded to five
    decimals, so that the last bits of a batched sum never send a mask to another leaf."""
    joined = np.column_stack([auxiliary, *(out[name] for name in NETWORK)]).astype(np.float64)
    return np.nan_to_num(np.round(joined, 5)).astype(np.float32).astype(np.float64)


def corrected(trees: Trees, auxiliary: np.ndarray, out: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """dice, low, high [N] float32 in [0, 1] by the trees (outputs in that order) and the network's share; low <= dice
    <= high."""
    found = np.clip(trees.predict(tree_inputs(auxiliary, out)), 0.0, 1.0)
    said = np.column_stack([out[name] for name in ("dice", "low", "high")])
    found = ((1 - trees.network) * found + trees.network * said).astype(np.float32)
    dice = found[:, 0]
    return {"dice": dice, "low": np.minimum(found[:, 1], dice), "high": np.maximum(found[:, 2], dice)}
