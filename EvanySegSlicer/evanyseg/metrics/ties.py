"""Sums over groups of equal values, for many resamples at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TieGroups:
    """Cases sorted ascending by a value and cut where it changes. order [n]; starts [G]; member [n] of the sorted."""

    order: np.ndarray
    starts: np.ndarray
    member: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> TieGroups:
        order = np.argsort(values, kind="stable")
        ordered = values[order]
        new = np.concatenate([[True], ordered[1:] != ordered[:-1]])
        return cls(order, np.flatnonzero(new), np.cumsum(new) - 1)

    def sums(self, weights: np.ndarray) -> np.ndarray:
        """[B, G] from weights [B, n] in the original order."""
        return np.add.reduceat(weights[:, self.order], self.starts, axis=1)

    def spread(self, per_group: np.ndarray) -> np.ndarray:
        """[B, n] in the original order from [B, G]."""
        out = np.empty((len(per_group), len(self.order)))
        out[:, self.order] = per_group[:, self.member]
        return out


def midranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Average ranks [B, n] (from 1) in samples where case i occurs weights[b, i] times."""
    groups = TieGroups.of(values)
    size = groups.sums(weights)
    return groups.spread(np.cumsum(size, axis=1) - size + (size + 1) / 2)
