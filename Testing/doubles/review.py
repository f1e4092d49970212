"""Doubles around a review: a model store of doubles, and a view that writes down what a panel would show."""

from __future__ import annotations

from collections.abc import Iterable

from evanyseg.models import ModelSpec, Registry
from evanyseg.protocols import QualityEstimator, Segmenter
from EvanySegSlicerLib.presenters.setup.model_store import ModelStore

from .truth import KnownTruthEstimator, ThresholdSegmenter


def double_models(
    segmenter: Segmenter | None = None, estimator: QualityEstimator | None = None, others: Iterable[Segmenter] = ()
) -> ModelStore:
    """A store whose 'builtin' models are doubles; `others`: more segmenters, by name."""
    segmenters, estimators = Registry("segmenter"), Registry("estimator")
    chosen, estimator = segmenter or ThresholdSegmenter(), estimator or KnownTruthEstimator()
    segmenters.register(ModelSpec("builtin", "Threshold (a double)", lambda *_: chosen, note="A double."))
    for other in others:
        segmenters.register(ModelSpec(other.name, other.name.title(), lambda *_, made=other: made))
    estimators.register(ModelSpec("builtin", "Truth (a double)", lambda *_: estimator, note="A double."))
    return ModelStore(segmenters, estimators)


class RecordingView:
    """A `presenters.view.View` that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.problems: list[str] = []
        self.last = ""
        self.is_busy = False

    def status(self, text: str, problem: bool = False) -> None:
        (self.problems if problem else self.said).append(text)
        self.last = text

    def busy(self, what: str, fraction: float) -> None:
        self.is_busy = True

    def idle(self) -> None:
        self.is_busy = False

    def updated(self, keys: list) -> None:
        """Presenters' own state is what tests look at."""
