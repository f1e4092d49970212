"""Use 5: which cases to take when there is time, or room, for a few only.

annotation: the worst first, whose correction teaches a model most; pseudo-labels: the surest good ones; review: the
order in which a person finds poor masks soonest. After Quality Sentinel's two uses (arXiv 2406.00327, 4.4).
"""

from __future__ import annotations

from enum import Enum

import numpy as np

SHORTLIST = 3
"""With diversity, so many times the budget are looked at: all of them would trade quality away."""


class Purpose(str, Enum):
    """What cases are taken for."""

    ANNOTATION = "annotation"
    PSEUDO_LABELS = "pseudo-labels"
    REVIEW = "review"


def ranked(dice: np.ndarray, low: np.ndarray, high: np.ndarray, purpose: Purpose) -> np.ndarray:
    """Indices [N] of cases with predicted Dice and interval [N], the first to be taken first; ties keep their order.

    annotation: ascending Dice; cases without a score come last, for nobody knows what they are. pseudo-labels:
    descending lower end of the interval (a high score that may be wrong teaches the wrong thing); unscored last.
    review: cases without a score first (a person is all they have), then ascending Dice, wider intervals first.
    """
    unscored = np.isnan(dice)
    keys: tuple[np.ndarray, ...]
    if purpose is Purpose.PSEUDO_LABELS:
        keys = (-np.nan_to_num(dice), -np.nan_to_num(low), unscored)
    elif purpose is Purpose.REVIEW:
        keys = (-np.nan_to_num(high - low), np.nan_to_num(dice), ~unscored)
    else:
        keys = (np.nan_to_num(dice), unscored)
    order: np.ndarray = np.lexsort(keys)
    return order


def chosen(order: np.ndarray, budget: int, looks: np.ndarray | None = None) -> np.ndarray:
    """The first `budget` of an order [N]. With looks [N, F] (numbers that tell cases apart): of the first SHORTLIST
    times as many, those that differ most: the first one, then always the one farthest from all taken (k-center,
    Gonzalez 1985). Raises ValueError for a budget below 1."""
    if budget < 1:
        raise ValueError(f"The budget must be at least 1, not {budget}.")
    if looks is None or len(order) <= budget:
        return order[:budget]
    short = order[: SHORTLIST * budget]
    scaled = _standardized(np.asarray(looks, float)[short])
    taken = [0]
    nearest = np.linalg.norm(scaled - scaled[0], axis=1)
    while len(taken) < budget:
        nearest[taken] = -1.0
        taken.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.linalg.norm(scaled - scaled[taken[-1]], axis=1))
    return short[np.array(sorted(taken))]


def _standardized(looks: np.ndarray) -> np.ndarray:
    """Zero mean and unit spread; what is unknown counts as average."""
    spread = np.nanstd(looks, axis=0) if len(looks) else np.ones(looks.shape[1])
    mean = np.nanmean(looks, axis=0)
    out: np.ndarray = np.nan_to_num((looks - mean) / np.where(spread > 0, spread, 1.0))
    return out


def budget_of(text: str, count: int) -> int:
    """'20' cases, or '20%' of `count` (at least one). Raises ValueError."""
    number = text.removesuffix("%").strip()
    try:
        value = float(number)
    except ValueError:
        raise ValueError(f"'{text}' is no budget; write a number of cases, 20, or a share, 20%.") from None
    if text.endswith("%"):
        if not 0 < value <= 100:
            raise ValueError(f"A share lies above 0 and up to 100 %, not {text}.")
        return max(1, round(count * value / 100))
    if value < 1 or value != int(value):
        raise ValueError(f"A budget is a whole number of at least 1, not {text}.")
    return int(value)
