"""Models whose weights the user downloads or brings: their names, and how a file is recognised as one of them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from ..protocols import QualityEstimator, Segmenter
from .catalogue import CATALOGUE
from .registry import ModelSpec, Registry

SEGMENTERS = {
    "sam-vit-b": ("sam", "Boxes and points; the usual SAM."),
    "sam-vit-l": ("sam", "Boxes and points; three times ViT-B."),
    "sam-vit-h": ("sam", "Boxes and points; the largest, slow without a GPU."),
    "mobile-sam": ("mobile_sam", "Boxes and points; 40 MB, the fastest SAM without a GPU."),
    "medsam": ("medsam", "Boxes only; one mask; medical images."),
    "medsam-point": ("medsam", "One positive point only; abdominal CT (FLARE22)."),
    "sam-med2d": ("sam_med2d", "Boxes and points at 256 px; medical images."),
    "sam2.1-tiny": ("sam2", "Boxes and points; needs `pip install sam2`."),
    "sam2.1-small": ("sam2", "Boxes and points; needs `pip install sam2`."),
    "sam2.1-base-plus": ("sam2", "Boxes and points; needs `pip install sam2`."),
    "sam2.1-large": ("sam2", "Boxes and points; needs `pip install sam2`."),
}
ESTIMATORS = {
    "evanyseg-vit-b": ("evanyseg_estimator", "The paper's ViT-b: sees the box only, no interval."),
    "evanyseg-vit-l": ("evanyseg_estimator", "The paper's ViT-l: sees the box only, no interval."),
    "evanyseg-resnet101": ("evanyseg_estimator", "The paper's ResNet101: sees the box only, no interval."),
    "quality-sentinel": ("quality_sentinel", "CT organs by name ('quality-sentinel:liver'), intensity fixed:-200,200."),
}


def _factory(package: str, module: str, name: str) -> Callable[[Path | None, str], Any]:
    def build(path: Path | None, device: str) -> Any:
        return import_module(f"evanyseg.{package}.{module}").load(path, device, name)

    return build


def _recogniser(kind: str) -> Callable[[Path], str]:
    def name_of(path: Path) -> str:
        from .recognise import recognise_as

        return recognise_as(kind)(path)

    return name_of


def register_all(segmenters: Registry[Segmenter], estimators: Registry[QualityEstimator]) -> None:
    """Adds every model of this file to the registries and lets both take a file instead of a name."""
    for registry, package, table in (
        (segmenters, "segmenters", SEGMENTERS),
        (estimators, "quality", ESTIMATORS),
    ):
        registry.recognise = _recogniser(registry.kind)
        for name, (module, note) in table.items():
            entry = CATALOGUE[name]
            registry.register(
                ModelSpec(
                    name,
                    entry.title,
                    _factory(package, module, name),
                    weights=name,
                    licence=entry.licence,
                    citation=entry.citation,
                    note=note,
                )
            )
