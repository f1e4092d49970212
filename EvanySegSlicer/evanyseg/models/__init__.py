"""The models that can be chosen: registries of `ModelSpec`. Looking loads no network.

`segmenters` and `estimators` hold what this package brings and what installed packages add through the entry point
groups 'evanyseg.segmenters' and 'evanyseg.estimators'.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..protocols import QualityEstimator, Segmenter
from ..weights.files import WeightFile
from .estimators import ESTIMATORS
from .registry import Registry
from .segmenters import SEGMENTERS
from .spec import ModelSpec

__all__ = ["ModelSpec", "Registry", "estimators", "segmenters", "specs_by_kind", "weight_files"]


def _name_of(kind: str) -> Callable[[Path], str]:
    def name_of(path: Path) -> str:
        from .recognize import name_as

        return name_as(kind, path, specs_by_kind())

    return name_of


segmenters: Registry[Segmenter] = Registry("segmenter", _name_of("segmenter"), "evanyseg.segmenters")
segmenters.register_all(SEGMENTERS)
estimators: Registry[QualityEstimator] = Registry("estimator", _name_of("estimator"), "evanyseg.estimators")
estimators.register_all(ESTIMATORS)


def specs_by_kind() -> list[tuple[str, ModelSpec[Any]]]:
    """(kind, spec) of every model, segmenters first."""
    return [("segmenter", s) for s in segmenters.specs()] + [("estimator", e) for e in estimators.specs()]


def weight_files() -> dict[str, WeightFile]:
    """Every weight file that is fetched or brought, by name: the models' own and their companions."""
    return {file.name: file for _, spec in specs_by_kind() for file in spec.files}
