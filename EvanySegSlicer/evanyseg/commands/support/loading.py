"""Builds the models that a command asks for."""

from __future__ import annotations

from rich.console import Console

from ... import models
from ...pipeline.slice_pipeline import SlicePipeline
from ...protocols import QualityEstimator, Segmenter
from .console import shown


def load_estimator(name: str, device: str) -> QualityEstimator:
    """Raises UnknownModelError, WeightsError, DeviceError."""
    with Console(stderr=True, emoji=False).status(f"Loading estimator {shown(name)}"):
        return models.estimators.create(name, device)


def load_segmenter(name: str, device: str) -> Segmenter:
    """Raises UnknownModelError, WeightsError, DeviceError."""
    with Console(stderr=True, emoji=False).status(f"Loading segmenter {shown(name)}"):
        return models.segmenters.create(name, device)


def load_pipeline(estimator: str, segmenter: str | None, device: str) -> SlicePipeline:
    return SlicePipeline(load_estimator(estimator, device), load_segmenter(segmenter, device) if segmenter else None)
