"""The quality estimators: one `ModelSpec` each."""

from __future__ import annotations

from ..protocols import QualityEstimator
from ..weights.files import WeightFile
from . import fingerprints
from .loaders import built_in, from_own_files, from_state
from .spec import TORCH, Fingerprint, ModelSpec

NO_LICENSE = "none"
EVANYSEG_CITATION = (
    "Senbi et al., Towards Ground-truth-free Evaluation of Any Segmentation in Medical Images, arXiv 2409.14874"
)
SENTINEL_PAGE = "https://github.com/Schuture/Quality-Sentinel"
SENTINEL_CITATION = (
    "Chen et al., Quality Sentinel: Estimating Label Quality and Errors in Medical Segmentation Datasets, "
    "arXiv 2406.00327"
)


def _evanyseg(
    name: str, title: str, filename: str, fingerprint: Fingerprint, network: str
) -> ModelSpec[QualityEstimator]:
    page = "https://github.com/ahjolsenbics/EvanySeg"
    return ModelSpec(
        name,
        title,
        from_state("evanyseg.quality.evanyseg_estimator:from_state"),
        WeightFile(name, title, filename, page, NO_LICENSE, EVANYSEG_CITATION),
        backends=TORCH,
        fingerprint=fingerprint,
        note=f"The paper's {network}: sees the box only, no interval.",
    )


ESTIMATORS: tuple[ModelSpec[QualityEstimator], ...] = (
    ModelSpec(
        "builtin",
        "Built-in (small, error maps)",
        built_in("evanyseg.quality.builtin:load"),
        note="Error maps, Dice with an interval; sees the surroundings of the box; ships with EvanySeg, no download.",
        own_license="Apache-2.0",
        backends=("onnx", "torch"),
    ),
    ModelSpec(
        "adapted",
        "Learned from your corrections",
        built_in("evanyseg.adaptation.file:load"),
        note="The built-in estimator and what `evanyseg adapt` learned from your own cases: give its file.",
        own_license="Apache-2.0",
        backends=("onnx", "torch"),
    ),
    ModelSpec(
        "conditioned",
        "Told the class",
        from_own_files("evanyseg.quality.conditioned.estimator:load"),
        WeightFile(
            "conditioned",
            "the estimator that is told the class",
            "conditioned.safetensors",
            "your own training (`evanyseg-train sentinel`)",
            "of the data that it was trained on",
            SENTINEL_CITATION,
        ),
        backends=TORCH,
        note="Asks what a mask should be (column `label`, segment's name, FILE:liver); no interval: give its file.",
    ),
    _evanyseg("evanyseg-vit-b", "EvanySeg ViT-b", "ViT_base_bbox_dice.pth", fingerprints.evanyseg_vit(768), "ViT-b"),
    _evanyseg("evanyseg-vit-l", "EvanySeg ViT-l", "ViT_large_bbox_dice.pth", fingerprints.evanyseg_vit(1024), "ViT-l"),
    _evanyseg(
        "evanyseg-resnet101",
        "EvanySeg ResNet101",
        "ResNet101_bbox_dice.pth",
        fingerprints.evanyseg_resnet,
        "ResNet101",
    ),
    ModelSpec(
        "quality-sentinel",
        "Quality Sentinel",
        from_own_files("evanyseg.quality.quality_sentinel:load"),
        WeightFile(
            "quality-sentinel",
            "Quality Sentinel",
            "quality_sentinel_resnet50.pth",
            SENTINEL_PAGE,
            NO_LICENSE,
            SENTINEL_CITATION,
        ),
        companions=(
            WeightFile(
                "quality-sentinel-labels",
                "Quality Sentinel's label embeddings",
                "label_embedding.pkl",
                SENTINEL_PAGE,
                NO_LICENSE,
                SENTINEL_CITATION,
            ),
        ),
        backends=TORCH,
        fingerprint=fingerprints.quality_sentinel,
        note="CT organs by name ('quality-sentinel:liver'), intensity fixed:-200,200.",
    ),
)
