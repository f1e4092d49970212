"""How checkpoints are told apart: by keys and shapes, never by names. Each function makes a `Fingerprint`."""

from __future__ import annotations

from ..errors import UnknownModelError
from .spec import Fingerprint, Shapes

SAM_POSITIONS = "image_encoder.pos_embed"
SAM2_STEM = "image_encoder.trunk.patch_embed.proj.weight"


def _blocks(shapes: Shapes, prefix: str) -> int:
    """How many numbered blocks there are below `prefix` ('a.blocks.' of 'a.blocks.11.norm1.weight')."""
    at = prefix.count(".")
    return 1 + max((int(key.split(".")[at]) for key in shapes if key.startswith(prefix)), default=-1)


def _is_sam(shapes: Shapes) -> bool:
    return SAM_POSITIONS in shapes and any(key.startswith("mask_decoder.") for key in shapes)


def _is_med2d(shapes: Shapes) -> bool:
    """256 px instead of 1024 (a grid of 16), or SAM-Med2D's adapters."""
    return shapes[SAM_POSITIONS][1] == 16 or "image_encoder.blocks.0.Adapter.norm.weight" in shapes


def sam(width: int, depth: int) -> Fingerprint:
    """A SAM whose ViT has `depth` blocks of `width`; MedSAM's files have the same 314 keys."""

    def matches(shapes: Shapes) -> bool:
        if not _is_sam(shapes) or _is_med2d(shapes):
            return False
        return (shapes[SAM_POSITIONS][3], _blocks(shapes, "image_encoder.blocks.")) == (width, depth)

    return matches


def sam_med2d(shapes: Shapes) -> bool:
    return _is_sam(shapes) and _is_med2d(shapes)


def mobile_sam(shapes: Shapes) -> bool:
    return "image_encoder.layers.0.blocks.0.conv1.c.weight" in shapes


def sam2(width: int, blocks: int) -> Fingerprint:
    """SAM 2.1 by its trunk. Raises UnknownModelError for a SAM 2.0 file, which has the same trunks."""

    def matches(shapes: Shapes) -> bool:
        if SAM2_STEM not in shapes:
            return False
        if (shapes[SAM2_STEM][0], _blocks(shapes, "image_encoder.trunk.blocks.")) != (width, blocks):
            return False
        if "obj_ptr_tpos_proj.weight" not in shapes:
            raise UnknownModelError(
                "This is a SAM 2.0 file; only SAM 2.1 is supported: get the file of the same size of SAM 2.1."
            )
        return True

    return matches


def evanyseg_vit(width: int) -> Fingerprint:
    def matches(shapes: Shapes) -> bool:
        token = shapes.get("vit.embeddings.cls_token")
        head = "classifier.weight" in shapes or "dice_classifier.weight" in shapes
        return bool(token) and head and token[-1] == width  # type: ignore[index]

    return matches


def evanyseg_resnet(shapes: Shapes) -> bool:
    return {"backbone.0.weight", "dice_classifier.weight"} <= set(shapes)


def quality_sentinel(shapes: Shapes) -> bool:
    return {"attention1.weight", "attention2.weight", "net.layer1.0.conv1.weight"} <= set(shapes)
