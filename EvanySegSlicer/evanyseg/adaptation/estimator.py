"""The built-in estimator and what was learnt from references, as one `QualityEstimator`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ..protocols import QualityEstimator, ShouldCancel, never_cancel
from ..quality.builtin import BuiltinEstimator, MeasuredCase
from ..quality.cases import CaseEstimator
from ..quality.gbdt import Trees
from ..quality.ood import statistics_of
from ..results import QualityCase, QualityEstimate
from .conformal import LEVEL, GroupedInterval
from .features import TrueMasks, measure
from .recalibration import IDENTITY, Recalibration

UNLIKE = "unlike the references"
STATISTIC_FLOOR = 0.02


@dataclass(frozen=True)
class Mode:
    """With a box, or without one: `share` of the recalibrated answer in the result, the rest is the built-in one's (0:
    these references do not help yet); the interval is measured on subjects left out."""

    share: float
    interval: GroupedInterval
    recalibration: Recalibration = IDENTITY

    def mixed(self, learned: np.ndarray, builtin: np.ndarray) -> np.ndarray:
        """dice [N] from the learned and the built-in answers [N]."""
        answer = self.recalibration(np.column_stack([learned, builtin]))
        return np.clip(self.share * answer + (1 - self.share) * builtin, 0, 1)


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

    trees: Trees
    masks: TrueMasks
    windows: Windows
    modes: tuple[Mode, Mode]

    @property
    def helps(self) -> bool:
        return any(mode.share > 0 for mode in self.modes)


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
        if mode.share == 0:
            return replace(said, level=self.level, caveats=caveats)
        learnt = float(self.learned.trees.predict(measured.features(self.learned.masks)[None])[0, 0])
        dice = float(mode.mixed(np.array([learnt]), np.array([said.dice]))[0])
        low, high = (float(v[0]) for v in mode.interval.around(np.array([dice])))
        if mode.interval.level < LEVEL:  # too few subjects to vouch for 90 %: the built-in width has a say
            trust = mode.interval.level / LEVEL
            low = trust * low + (1 - trust) * max(dice - (said.dice - said.low), 0.0)
            high = trust * high + (1 - trust) * min(dice + (said.high - said.dice), 1.0)
        return replace(said, dice=dice, low=min(low, dice), high=max(high, dice), level=self.level, caveats=caveats)
