"""Fills the registries. Factories import their network on first use, so that listing models costs nothing."""

from __future__ import annotations

from pathlib import Path

from ..protocols import QualityEstimator, Segmenter
from .external import register_all
from .registry import ModelSpec, estimators, segmenters

__all__ = ["estimators", "segmenters"]


def _builtin_segmenter(path: Path | None, device: str) -> Segmenter:
    from ..segmenters.builtin import load

    return load(path, device)


def _builtin_estimator(path: Path | None, device: str) -> QualityEstimator:
    from ..quality.builtin import load

    return load(path, device)


segmenters.register(
    ModelSpec(
        "builtin",
        "Built-in (small, 256 px)",
        _builtin_segmenter,
        licence="Apache-2.0",
        note="Ships with EvanySeg; no download.",
    )
)
estimators.register(
    ModelSpec(
        "builtin",
        "Built-in (small, error maps)",
        _builtin_estimator,
        licence="Apache-2.0",
        note="Ships with EvanySeg; no download.",
    )
)
register_all(segmenters, estimators)
