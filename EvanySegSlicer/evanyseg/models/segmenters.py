"""The segmenters: one `ModelSpec` each. Adding a SAM variant means a line here, its loader and a test."""

from __future__ import annotations

from ..protocols import Segmenter
from ..weights.files import WeightFile
from . import fingerprints
from .loaders import built_in, from_state
from .spec import TORCH, ModelSpec

APACHE = "Apache-2.0"
BOXES_AND_POINTS = "boxes, points, refinement"
SAM_PAGE = "https://github.com/facebookresearch/segment-anything"
SAM_SITE = "https://dl.fbaipublicfiles.com/segment_anything"
SAM_CITATION = "Kirillov et al., Segment Anything, ICCV 2023, arXiv 2304.02643"
SAM2_PAGE = "https://github.com/facebookresearch/sam2"
SAM2_SITE = "https://dl.fbaipublicfiles.com/segment_anything_2/092824"
SAM2_CITATION = "Ravi et al., SAM 2: Segment Anything in Images and Videos, 2024, arXiv 2408.00714"
MEDSAM_CITATION = "Ma et al., Segment Anything in Medical Images, Nature Communications 15, 654 (2024)"
VIT_B = fingerprints.sam(768, 12)


def _sam_file(name: str, title: str, filename: str, size: int | None, sha256: str) -> WeightFile:
    return WeightFile(
        name=name,
        title=title,
        filename=filename,
        page=SAM_PAGE,
        license=APACHE,
        citation=SAM_CITATION,
        url=f"{SAM_SITE}/{filename}",
        size=size,
        sha256=sha256,
    )


def _sam2(
    size: str, title: str, width: int, blocks: int, bytes_: int | None = None, sha256: str = ""
) -> ModelSpec[Segmenter]:
    name, filename = f"sam2.1-{size}", f"sam2.1_hiera_{size.replace('-', '_')}.pt"
    return ModelSpec(
        name,
        title,
        from_state("evanyseg.segmenters.sam2:from_state"),
        WeightFile(
            name=name,
            title=title,
            filename=filename,
            page=SAM2_PAGE,
            license=APACHE,
            citation=SAM2_CITATION,
            url=f"{SAM2_SITE}/{filename}",
            size=bytes_,
            sha256=sha256,
        ),
        backends=TORCH,
        fingerprint=fingerprints.sam2(width, blocks),
        prompts=BOXES_AND_POINTS,
        note="SAM 2.1 on single images; needs `pip install sam2`.",
    )


SEGMENTERS: tuple[ModelSpec[Segmenter], ...] = (
    ModelSpec(
        "builtin",
        "Built-in (small, 256 px)",
        built_in("evanyseg.segmenters.builtin:load"),
        prompts="boxes, points",
        note="Small network trained for this project, 256 px; ships with EvanySeg, no download.",
        own_license=APACHE,
        backends=("onnx", "torch"),
    ),
    ModelSpec(
        "sam-vit-b",
        "SAM ViT-B",
        from_state("evanyseg.segmenters.sam:from_state"),
        _sam_file(
            "sam-vit-b",
            "SAM ViT-B",
            "sam_vit_b_01ec64.pth",
            375_042_383,
            "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        ),
        memory_gb=1.1,
        backends=TORCH,
        fingerprint=VIT_B,
        hints=("sam_vit_b",),
        prompts=BOXES_AND_POINTS,
        note="Segment Anything, ViT-B: the usual SAM.",
    ),
    ModelSpec(
        "sam-vit-l",
        "SAM ViT-L",
        from_state("evanyseg.segmenters.sam:from_state"),
        _sam_file(
            "sam-vit-l",
            "SAM ViT-L",
            "sam_vit_l_0b3195.pth",
            None,
            "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
        ),
        memory_gb=1.2,
        backends=TORCH,
        fingerprint=fingerprints.sam(1024, 24),
        prompts=BOXES_AND_POINTS,
        note="Segment Anything, ViT-L: three times ViT-B.",
    ),
    ModelSpec(
        "sam-vit-h",
        "SAM ViT-H",
        from_state("evanyseg.segmenters.sam:from_state"),
        _sam_file(
            "sam-vit-h",
            "SAM ViT-H",
            "sam_vit_h_4b8939.pth",
            2_564_550_879,
            "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        ),
        memory_gb=1.4,
        backends=TORCH,
        fingerprint=fingerprints.sam(1280, 32),
        prompts=BOXES_AND_POINTS,
        note="Segment Anything, ViT-H: the largest, slow without a GPU.",
    ),
    ModelSpec(
        "mobile-sam",
        "MobileSAM",
        from_state("evanyseg.segmenters.mobile_sam:from_state"),
        WeightFile(
            name="mobile-sam",
            title="MobileSAM",
            filename="mobile_sam.pt",
            page="https://github.com/ChaoningZhang/MobileSAM",
            license=APACHE,
            citation="Zhang et al., Faster Segment Anything, 2023, arXiv 2306.14289",
            url="https://raw.githubusercontent.com/ChaoningZhang/MobileSAM/master/weights/mobile_sam.pt",
            size=40_728_226,
            sha256="6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f",
        ),
        backends=TORCH,
        fingerprint=fingerprints.mobile_sam,
        prompts=BOXES_AND_POINTS,
        note="The quickest SAM without a GPU.",
    ),
    ModelSpec(
        "medsam",
        "MedSAM",
        from_state("evanyseg.segmenters.medsam:from_state"),
        WeightFile(
            "medsam",
            "MedSAM",
            "medsam_vit_b.pth",
            "https://drive.google.com/drive/folders/1ETWmi4AiniJeWOt6HAsYgTjYv_fkgzoN",
            APACHE,
            MEDSAM_CITATION,
        ),
        memory_gb=1.1,
        backends=TORCH,
        fingerprint=VIT_B,
        hints=("medsam",),
        trainer_files=True,
        prompts="one box",
        note="SAM fine-tuned on medical images; one mask.",
    ),
    ModelSpec(
        "medsam-point",
        "MedSAM with points (FLARE22)",
        from_state("evanyseg.segmenters.medsam:from_state"),
        WeightFile(
            "medsam-point",
            "MedSAM with points (FLARE22)",
            "medsam_point_prompt_flare22.pth",
            "https://github.com/bowang-lab/MedSAM/tree/main/extensions/point_prompt",
            APACHE,
            MEDSAM_CITATION,
        ),
        memory_gb=1.1,
        backends=TORCH,
        fingerprint=VIT_B,
        hints=("medsam", "point"),
        prompts="one positive point",
        note="MedSAM's point variant, abdominal CT.",
    ),
    ModelSpec(
        "sam-med2d",
        "SAM-Med2D",
        from_state("evanyseg.segmenters.sam_med2d:from_state"),
        WeightFile(
            "sam-med2d",
            "SAM-Med2D",
            "sam-med2d_b.pth",
            "https://github.com/OpenGVLab/SAM-Med2D",
            APACHE,
            "Cheng et al., SAM-Med2D, 2023, arXiv 2308.16184",
        ),
        memory_gb=0.9,
        backends=TORCH,
        fingerprint=fingerprints.sam_med2d,
        prompts=BOXES_AND_POINTS,
        note="SAM fine-tuned on medical images, 256 px, with adapters.",
    ),
    _sam2(
        "tiny",
        "SAM 2.1 tiny",
        96,
        12,
        156_008_466,
        "7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",
    ),
    _sam2("small", "SAM 2.1 small", 96, 16),
    _sam2("base-plus", "SAM 2.1 base+", 112, 24),
    _sam2(
        "large",
        "SAM 2.1 large",
        144,
        48,
        898_083_611,
        "2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318",
    ),
)
"""memory_gb: 0.7 for torch itself and what encoding one image took on the CPU (ViT-B 0.36, ViT-L 0.47, ViT-H 0.58,
SAM-Med2D 0.16, MobileSAM 0.28); 1 where it was not measured."""
