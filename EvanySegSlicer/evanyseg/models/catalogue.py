"""The weight files EvanySeg knows: official addresses, sizes, hashes, licences, citations.

Hashes come from several independent public sources, not from the publishers: a mismatch is explained to the user, never
silently refused. Files without one are trusted on first use (`store`).
"""

from __future__ import annotations

from dataclasses import dataclass

SAM_SITE = "https://dl.fbaipublicfiles.com/segment_anything"
SAM2_SITE = "https://dl.fbaipublicfiles.com/segment_anything_2/092824"
SAM_CITATION = "Kirillov et al., Segment Anything, ICCV 2023, arXiv 2304.02643"
SAM2_CITATION = "Ravi et al., SAM 2: Segment Anything in Images and Videos, 2024, arXiv 2408.00714"
MEDSAM_CITATION = "Ma et al., Segment Anything in Medical Images, Nature Communications 15, 654 (2024)"
EVANYSEG_CITATION = (
    "Senbi et al., Towards Ground-truth-free Evaluation of Any Segmentation in Medical Images, arXiv 2409.14874"
)
SENTINEL_CITATION = (
    "Chen et al., Quality Sentinel: Estimating Label Quality and Errors in Medical Segmentation Datasets, "
    "arXiv 2406.00327"
)
APACHE, NONE = "Apache-2.0", "none"


@dataclass(frozen=True)
class WeightFile:
    """One file: `name` of the model it belongs to, `filename` in the cache, `url` or '' where only a person can fetch
    it (from `page`), `size` in bytes and `sha256` where known."""

    name: str
    title: str
    filename: str
    page: str
    licence: str
    citation: str
    url: str = ""
    size: int | None = None
    sha256: str = ""


def _sam(name: str, title: str, filename: str, size: int | None, sha256: str) -> WeightFile:
    page = "https://github.com/facebookresearch/segment-anything"
    return WeightFile(name, title, filename, page, APACHE, SAM_CITATION, f"{SAM_SITE}/{filename}", size, sha256)


def _sam2(name: str, title: str, filename: str, size: int | None = None, sha256: str = "") -> WeightFile:
    page = "https://github.com/facebookresearch/sam2"
    return WeightFile(name, title, filename, page, APACHE, SAM2_CITATION, f"{SAM2_SITE}/{filename}", size, sha256)


def _evanyseg(name: str, title: str, filename: str) -> WeightFile:
    return WeightFile(name, title, filename, "https://github.com/ahjolsenbics/EvanySeg", NONE, EVANYSEG_CITATION)


_FILES = (
    _sam(
        "sam-vit-b",
        "SAM ViT-B",
        "sam_vit_b_01ec64.pth",
        375_042_383,
        "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
    ),
    _sam(
        "sam-vit-l",
        "SAM ViT-L",
        "sam_vit_l_0b3195.pth",
        None,
        "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
    ),
    _sam(
        "sam-vit-h",
        "SAM ViT-H",
        "sam_vit_h_4b8939.pth",
        2_564_550_879,
        "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
    ),
    WeightFile(
        "mobile-sam",
        "MobileSAM",
        "mobile_sam.pt",
        "https://github.com/ChaoningZhang/MobileSAM",
        APACHE,
        "Zhang et al., Faster Segment Anything, 2023, arXiv 2306.14289",
        "https://raw.githubusercontent.com/ChaoningZhang/MobileSAM/master/weights/mobile_sam.pt",
        40_728_226,
        "6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f",
    ),
    WeightFile(
        "medsam",
        "MedSAM",
        "medsam_vit_b.pth",
        "https://drive.google.com/drive/folders/1ETWmi4AiniJeWOt6HAsYgTjYv_fkgzoN",
        APACHE,
        MEDSAM_CITATION,
    ),
    WeightFile(
        "medsam-point",
        "MedSAM with points (FLARE22)",
        "medsam_point_prompt_flare22.pth",
        "https://github.com/bowang-lab/MedSAM/tree/main/extensions/point_prompt",
        APACHE,
        MEDSAM_CITATION,
    ),
    WeightFile(
        "sam-med2d",
        "SAM-Med2D",
        "sam-med2d_b.pth",
        "https://github.com/OpenGVLab/SAM-Med2D",
        APACHE,
        "Cheng et al., SAM-Med2D, 2023, arXiv 2308.16184",
    ),
    _sam2(
        "sam2.1-tiny",
        "SAM 2.1 tiny",
        "sam2.1_hiera_tiny.pt",
        156_008_466,
        "7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",
    ),
    _sam2("sam2.1-small", "SAM 2.1 small", "sam2.1_hiera_small.pt"),
    _sam2("sam2.1-base-plus", "SAM 2.1 base+", "sam2.1_hiera_base_plus.pt"),
    _sam2(
        "sam2.1-large",
        "SAM 2.1 large",
        "sam2.1_hiera_large.pt",
        898_083_611,
        "2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318",
    ),
    _evanyseg("evanyseg-vit-b", "EvanySeg ViT-b", "ViT_base_bbox_dice.pth"),
    _evanyseg("evanyseg-vit-l", "EvanySeg ViT-l", "ViT_large_bbox_dice.pth"),
    _evanyseg("evanyseg-resnet101", "EvanySeg ResNet101", "ResNet101_bbox_dice.pth"),
    WeightFile(
        "quality-sentinel",
        "Quality Sentinel",
        "quality_sentinel_resnet50.pth",
        "https://github.com/Schuture/Quality-Sentinel",
        NONE,
        SENTINEL_CITATION,
    ),
    WeightFile(
        "quality-sentinel-labels",
        "Quality Sentinel's label embeddings",
        "label_embedding.pkl",
        "https://github.com/Schuture/Quality-Sentinel",
        NONE,
        SENTINEL_CITATION,
    ),
)
CATALOGUE: dict[str, WeightFile] = {f.name: f for f in _FILES}
