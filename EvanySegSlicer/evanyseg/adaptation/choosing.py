"""Whether what was learned helps, and how its answer is mixed with the built-in one: decided on subjects left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .recalibration import IDENTITY, Recalibration, fit_recalibration, left_out

SHARES = (0.25, 0.5, 0.75, 1.0)
CAUTION = 0.5
"""Standard errors (over subjects) by which the error must fall before the learned answer gets a say."""


@dataclass(frozen=True)
class Choice:
    """share: of the recalibrated answer in the result, the rest is the built-in one's (0: it does not help yet)."""

    share: float = 0.0
    recalibration: Recalibration = IDENTITY

    def mixed(self, learned: np.ndarray, builtin: np.ndarray) -> np.ndarray:
        """dice [N] from the learned and the built-in answers [N]."""
        answer = self.recalibration(np.column_stack([learned, builtin]))
        return np.clip(self.share * answer + (1 - self.share) * builtin, 0, 1)


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
    """The mixture that brings most on average over subjects, less CAUTION standard errors; share 0 where none does.
    Two subjects at least."""
    tried = [(IDENTITY, known.learned)]
    if known.recalibrate and len(known.subjects) > 2:
        given = (np.column_stack([known.learned, known.builtin]), known.truth_for(known.learned), known.weight)
        tried.append((fit_recalibration(*given), left_out(*given, known.group)))
    best, most = Choice(), 0.0
    for recalibration, answer in tried:
        for share in SHARES:
            mixed = np.clip(share * answer + (1 - share) * known.builtin, 0, 1)
            if (gain := _gain(known, mixed)) > most:
                best, most = Choice(share, recalibration), gain
    return best


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
