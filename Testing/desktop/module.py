"""Loads the EvanySeg module into the stand-in, with models that need no torch unless a test wants the built-in ones."""

from __future__ import annotations

from pathlib import Path

from doubles import KnownTruthEstimator, ThresholdSegmenter
from evanyseg.models import ModelSpec, Registry

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "EvanySegSlicer" / "EvanySegSlicer.py"
WEIGHTS = ROOT / "EvanySegSlicer" / "evanyseg" / "builtin"


def double_models(segmenter=None, estimator=None, others=()):
    """A ModelStore whose 'builtin' models are doubles; `others`: more segmenters, by name."""
    from EvanySegSlicerLib.presenters.setup.model_store import ModelStore

    segmenters, estimators = Registry("segmenter"), Registry("estimator")
    chosen = segmenter or ThresholdSegmenter()
    segmenters.register(ModelSpec("builtin", "Threshold (a double)", lambda *_: chosen, note="A double."))
    for other in others:
        segmenters.register(ModelSpec(other.name, other.name.title(), lambda spec, path, device, made=other: made))
    judge = estimator or KnownTruthEstimator()
    estimators.register(ModelSpec("builtin", "Truth (a double)", lambda spec, path, device: judge, note="A double."))
    return ModelStore(segmenters, estimators)


def load(host):
    """The module as Slicer's factory loads it."""
    module = host.load_module(MODULE)
    host.finish_startup()
    return module


def enter(host, models=None):
    """Load, use these models, enter: returns the Python widget."""
    from EvanySegSlicerLib.desktop import panel
    from EvanySegSlicerLib.presenters.setup.model_store import ModelStore

    load(host)
    store = models or double_models()
    before = ModelStore.of_engine
    panel.ModelStore.of_engine = classmethod(lambda cls: store)
    try:
        return host.selectModule("EvanySegSlicer").self()
    finally:
        ModelStore.of_engine = before
