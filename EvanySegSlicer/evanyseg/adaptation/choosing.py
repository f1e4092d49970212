"""Whether what was learned helps, and how its answers are mixed with the built-in one: decided on subjects left out.

Eight subjects cannot tell which of several answers is best; the one that seems best is often best by luck. So all of
them are averaged, each with a weight that grows with what it brings (exponential weights, as in Rigollet and Tsybakov,
"Sparse estimation by exponential weighting", 2012).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .recalibration import IDENTITY, Recalibration, fit_recalibration, left_out

TEMPERATURE = 0.02
"""Dice by which an answer must be nearer to the truth than another to count e times as much (chosen on training sources
left out)."""
CAUTION = 0.25
"""Standard errors (over subjects) by which the error must fall before the learned answer gets a say."""


@dataclass(frozen=True)
class Choice:
    """learned, recalibrated: weights of the learned answer as it is and recalibrated, together one at most; the rest is
    the built-in answer's (neither: it does not help yet)."""

    learned: float = 0.0
    recalibrated: float = 0.0
    recalibration: Recalibration = IDENTITY

    @property
    def share(self) -> float:
        """Of what was learned in the result, in [0, 1]."""
        return self.learned + self.recalibrated

    def mixed(self, learned: np.ndarray, builtin: np.ndarray) -> np.ndarray:
        """dice [N] from the learned and the built-in answers [N]."""
        again = self.recalibration(np.column_stack([learned, builtin])) if self.recalibrated else builtin
        return self._mean(learned, again, builtin)

    def _mean(self, learned: np.ndarray, again: np.ndarray, builtin: np.ndarray) -> np.ndarray:
        found = self.learned * learned + self.recalibrated * again + (1 - self.share) * builtin
        return np.clip(found, 0, 1)


@dataclass(frozen=True)
class Evidence:
    """What tells how good answers are, all [N]: low, high: between which the Dice lies; learned by models that never
    saw the mask's subject; the built-in estimator's; weight; group: subjects. recalibrate: they are masks of the kind
    to be scored."""

    low: np.ndarray
    high: np.ndarray
    learned: np.ndarray
    builtin: np.ndarray
    weight: np.ndarray
    group: np.ndarray
    recalibrate: bool

    def of(self, use: np.ndarray) -> Evidence:
        names = ("low", "high", "learned", "builtin", "weight", "group")
        return replace(self, **{name: getattr(self, name)[use] for name in names})

    def truth_for(self, answer: np.ndarray) -> np.ndarray:
        """[N]: of all that the Dice can be, what is nearest to an answer."""
        return np.clip(answer, self.low, self.high)

    @property
    def subjects(self) -> Sequence[int]:
        found: list[int] = np.unique(self.group).tolist()
        return found


def chosen(known: Evidence) -> Choice:
    """Weights by what each answer brings on average over subjects, less CAUTION standard errors; none where their mean
    brings nothing. Two subjects at least."""
    recalibration, again = IDENTITY, known.builtin
    gains = [0.0, _gain(known, known.learned)]
    if known.recalibrate and len(known.subjects) > 2:
        given = (np.column_stack([known.learned, known.builtin]), known.truth_for(known.learned), known.weight)
        recalibration, again = fit_recalibration(*given), left_out(*given, known.group)
        gains.append(_gain(known, again))
    weights = np.exp((np.array(gains) - max(gains)) / TEMPERATURE)
    _, learned, *recalibrated = (weights / weights.sum()).tolist()
    choice = Choice(learned, sum(recalibrated), recalibration)
    return choice if _gain(known, choice._mean(known.learned, again, known.builtin)) > 0 else Choice()


def answers_left_out(known: Evidence, choice: Choice) -> np.ndarray:
    """[N]: what `choice` answers, each mask by a mixture that was chosen, and recalibrated, without its subject: else
    the errors flatter, and intervals from them are too narrow."""
    if choice.share == 0 or len(known.subjects) < 3:
        return choice.mixed(known.learned, known.builtin)
    out = np.empty(len(known.low))
    for one in known.subjects:
        mine = known.group == one
        out[mine] = chosen(known.of(~mine)).mixed(known.learned[mine], known.builtin[mine])
    return out


def _gain(known: Evidence, mixed: np.ndarray) -> float:
    """By how much the mixture is nearer to the truth than the built-in answer."""
    off = lambda answer: np.abs(answer - known.truth_for(answer))
    nearer = off(known.builtin) - off(mixed)
    of = [known.group == one for one in known.subjects]
    means = np.array([np.average(nearer[mine], weights=known.weight[mine]) for mine in of])
    return float(means.mean() - CAUTION * means.std(ddof=1) / np.sqrt(len(means)))
