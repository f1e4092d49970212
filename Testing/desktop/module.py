"""Loads the EvanySeg module into the stand-in, with models that need no torch unless a test wants the built-in ones."""

from __future__ import annotations

from pathlib import Path

from doubles.review import double_models

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "EvanySegSlicer" / "EvanySegSlicer.py"
WEIGHTS = ROOT / "EvanySegSlicer" / "evanyseg" / "builtin"

__all__ = ["MODULE", "ROOT", "WEIGHTS", "double_models", "enter", "load"]


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
