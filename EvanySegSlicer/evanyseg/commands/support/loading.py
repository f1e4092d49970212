"""Builds the models that a command asks for."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console

from ... import models
from ...pipeline.slice_pipeline import SlicePipeline
from ...protocols import QualityEstimator, Segmenter
from .console import shown


@dataclass(frozen=True)
class Placement:
    """Where networks run and by what, as the user asked."""

    device: str = "auto"
    backend: str = "auto"


def load_estimator(name: str, where: Placement) -> QualityEstimator:
    """Raises UnknownModelError, WeightsError, DeviceError, MissingPackageError."""
    with Console(stderr=True, emoji=False).status(f"Loading estimator {shown(name)}"):
        return models.estimators.create(name, where.device, where.backend)


def load_segmenter(name: str, where: Placement) -> Segmenter:
    """Raises UnknownModelError, WeightsError, DeviceError, MissingPackageError."""
    with Console(stderr=True, emoji=False).status(f"Loading segmenter {shown(name)}"):
        return models.segmenters.create(name, where.device, where.backend)


def load_pipeline(estimator: str, segmenter: str | None, where: Placement) -> SlicePipeline:
    return SlicePipeline(load_estimator(estimator, where), load_segmenter(segmenter, where) if segmenter else None)
