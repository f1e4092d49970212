"""Use 3: warn when a predicted score falls below a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Alert:
    """below: indices under the threshold, worst first; unscored: indices that nobody vouches for."""

    threshold: float
    below: tuple[int, ...]
    unscored: tuple[int, ...]

    @property
    def raised(self) -> bool:
        """Whether anything needs a person: a low score, or none at all."""
        return bool(self.below or self.unscored)


def alert_below(scores: Sequence[float] | np.ndarray, threshold: float = 0.7) -> Alert:
    """Samples with a score strictly below `threshold`. Raises ValueError for a threshold outside [0, 1]."""
    if not 0 <= threshold <= 1:
        raise ValueError(f"The threshold is a Dice between 0 and 1, not {threshold:g}.")
    values = np.asarray(scores, float)
    below = np.flatnonzero(values < threshold)  # NaN compares False
    worst_first = below[np.argsort(values[below], kind="stable")]
    return Alert(threshold, tuple(worst_first.tolist()), tuple(np.flatnonzero(np.isnan(values)).tolist()))
