"""The built-in estimator and what was learnt from references, as one `QualityEstimator`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ..protocols import QualityEstimator, ShouldCancel, never_cancel
from ..quality.builtin import BuiltinEstimator, MeasuredCase
from ..quality.cases import CaseEstimator
from ..quality.ood import statistics_of
from ..results import QualityCase, QualityEstimate
from .choosing import Choice
from .conformal import LEVEL, GroupedInterval
from .features import TrueMasks, measure
from .learner.regression import Regression

UNLIKE = "unlike the references"
STATISTIC_FLOOR = 0.02


@dataclass(frozen=True)
class Mode:
    """With a box, or without one: how the learned answer is mixed with the built-in one, and the interval, which is
    measured on subjects left out, also where the built-in answer stays in charge."""

    choice: Choice
    interval: GroupedInterval

    def bounds(
        self, dice: np.ndarray, builtin: np.ndarray, low: np.ndarray, high: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """(low, high) [N] about answers `dice`, from the built-in answers with their intervals: these have a say where
        there are too few subjects to vouch for 90 %."""
        trust = self.interval.level / LEVEL
        lower, upper = self.interval.around(dice)
        lower = trust * lower + (1 - trust) * np.maximum(dice - (builtin - low), 0)
        upper = trust * upper + (1 - trust) * np.minimum(dice + (high - builtin), 1)
        return np.minimum(lower, dice), np.maximum(upper, dice)


@dataclass(frozen=True)
class Windows:
    """What the references' windows look like: statistics [R, STATISTICS] of `quality.ood`; limit: distance beyond which
    an image is unlike them."""

    statistics: np.ndarray
    limit: float

    def distance(self, statistics: np.ndarray) -> float:
        """Mean deviation from the most similar reference, in units of their spread."""
        spread = np.maximum(self.statistics.std(axis=0), STATISTIC_FLOOR)
        return float((np.abs(self.statistics - statistics) / spread).mean(axis=1).min())


@dataclass(frozen=True)
class Learned:
    """All that is kept: numbers measured on the references, never their pixels. modes: (with a box, without)."""

    regression: Regression
    masks: TrueMasks
    windows: Windows
    modes: tuple[Mode, Mode]

    @property
    def helps(self) -> bool:
        return any(mode.choice.share > 0 for mode in self.modes)


def level_of(learned: Learned, base: float) -> float:
    """The nominal level of the intervals; base: the built-in estimator's."""
    return min(LEVEL, *(mode.interval.level for mode in learned.modes)) if learned.helps else base


class HasFingerprint(Protocol):
    """The estimator that something was learned on."""

    fingerprint: str


class KnowsReferences(QualityEstimator, Protocol):
    """An estimator that knows references, wherever its networks run."""

    learned: Learned

    @property
    def base(self) -> HasFingerprint: ...


class AdaptedEstimator(CaseEstimator):
    """See `protocols.QualityEstimator`. Error maps and HD95 are the built-in estimator's."""

    def __init__(self, base: BuiltinEstimator, learned: Learned, name: str = "adapted") -> None:
        self.base, self.learned, self.name = base, learned, name
        self.level = level_of(learned, base.level)

    @property
    def device(self) -> str:
        return self.base.device

    @property
    def notices(self) -> list[str]:
        return self.base.notices

    def estimate_cases(
        self, cases: Iterable[QualityCase], maps: bool = False, should_cancel: ShouldCancel = never_cancel
    ) -> Iterator[QualityEstimate]:
        """Estimates in order, lazily, as the built-in estimator batches them."""
        waiting: list[QualityCase] = []

        def passed() -> Iterator[QualityCase]:
            for case in cases:
                waiting.append(case)
                yield case

        for measured in self.base.measure_cases(passed(), maps, should_cancel):
            yield self._adapted(waiting.pop(0), measured)

    def _adapted(self, case: QualityCase, found: MeasuredCase) -> QualityEstimate:
        said = replace(found.estimate, estimator=self.name)
        mask = np.asarray(case.mask) > 0
        measured = measure(case.image, mask, found)
        if measured is None or found.seen is None or not said.scored:
            return replace(said, level=self.level)
        mode = self.learned.modes[0 if case.box is not None else 1]
        caveats = said.caveats
        if self.learned.windows.distance(statistics_of(found.seen)) > (self.learned.windows.limit):
            caveats = (*caveats, UNLIKE)
        if mode.interval.level == 0:  # nothing could be checked
            return replace(said, level=self.level, caveats=caveats)
        builtin = np.array([said.dice])
        dice = builtin
        if mode.choice.share > 0:
            x = measured.features(self.learned.masks)[None]
            dice = mode.choice.mixed(self.learned.regression.predict(x, builtin), builtin)
        low, high = mode.bounds(dice, builtin, np.array([said.low]), np.array([said.high]))
        return replace(
            said, dice=float(dice[0]), low=float(low[0]), high=float(high[0]), level=self.level, caveats=caveats
        )
