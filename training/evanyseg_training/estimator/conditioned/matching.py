"""Optimal pairs: every mask of a batch with one of as like a class as possible, each in one pair only."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

MARGIN = 0.01


def optimal_pairs(vectors: np.ndarray) -> np.ndarray:
    """int [P, 2] of class vectors [N, D] of length 1: the perfect matching (but for one of an odd number) with the
    least sum of distances |a - b|.

    As that is a metric, masks of one class may be paired first without loss: exchanging (a, x), (a, y) for (a, a),
    (x, y) never makes the sum larger. What is left, one of a class at most, goes through the blossom algorithm.
    """
    import networkx

    _, member = np.unique(vectors, axis=0, return_inverse=True)
    pairs, left = [], []
    for k in range(member.max() + 1):
        mine = np.flatnonzero(member.ravel() == k)
        pairs += [(int(a), int(b)) for a, b in zip(mine[::2], mine[1::2], strict=False)]
        left += [int(mine[-1])] if len(mine) % 2 else []
    distance = np.sqrt(np.maximum(2 - 2 * vectors[left] @ vectors[left].T, 0)) if left else np.zeros((0, 0))
    graph = networkx.Graph()
    graph.add_weighted_edges_from((i, j, float(distance[i, j])) for i in range(len(left)) for j in range(i))
    pairs += [(left[i], left[j]) for i, j in networkx.min_weight_matching(graph)]
    return np.array(sorted(pairs), int).reshape(-1, 2)


def pair_loss(predicted: Tensor, true: Tensor, pairs: np.ndarray, margin: float = MARGIN) -> Tensor:
    """Mean over pairs of max(0, margin - (difference of predictions) (difference of truths)); [N], [N], [P, 2]."""
    if not len(pairs):
        return predicted.sum() * 0.0
    i, j = torch.from_numpy(pairs.T)
    return F.relu((predicted[i] - predicted[j]) * (true[j] - true[i]) + margin).mean()
