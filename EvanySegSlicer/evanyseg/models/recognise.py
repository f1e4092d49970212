"""What a weight file is, told from its wrapper, its keys and its shapes; where those do not tell, from its name."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UnknownModelError, WeightsError
from ..weights.labels import is_label_embeddings
from ..weights.safe_load import Checkpoint, read_checkpoint, read_pickle

log = logging.getLogger("evanyseg.weights")
Shapes = Mapping[str, Sequence[int]]
SAM_BY_ENCODER = {(768, 12): "sam-vit-b", (1024, 24): "sam-vit-l", (1280, 32): "sam-vit-h"}
SAM2_BY_TRUNK = {
    (96, 12): "sam2.1-tiny",
    (96, 16): "sam2.1-small",
    (112, 24): "sam2.1-base-plus",
    (144, 48): "sam2.1-large",
}
EVANYSEG_BY_WIDTH = {768: "evanyseg-vit-b", 1024: "evanyseg-vit-l"}
METADATA_KEY = "evanyseg_model"
"""Safetensors metadata: the registered name, where a file says it itself (files made by this project)."""


LABELS_NAME = "quality-sentinel-labels"


@dataclass(frozen=True)
class Recognised:
    """`name` of the registered model, `kind` 'segmenter', 'estimator' or 'labels'; `assumed`: what was taken from the
    file's name because its content cannot tell, in words for the user, '' when it could."""

    name: str
    kind: str
    assumed: str = ""


def recognise(path: Path) -> Recognised:
    """Raises WeightsError when the file cannot be read, UnknownModelError when no loader knows it."""
    try:
        checkpoint = read_checkpoint(path)
    except WeightsError:
        if path.is_file() and path.suffix == ".pkl" and is_label_embeddings(read_pickle(path)):
            return Recognised(LABELS_NAME, "labels")
        raise
    return _own(path, checkpoint) or _recognise_checkpoint(checkpoint, path.name)


def _own(path: Path, checkpoint: Checkpoint) -> Recognised | None:
    """Files of this project's own training: the segmenter tells its architecture inside, the estimator beside."""
    if "architecture" in checkpoint.metadata and METADATA_KEY not in checkpoint.metadata:
        return Recognised("builtin", "segmenter")
    try:
        beside = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if path.suffix == ".safetensors" and isinstance(beside, dict) and {"format", "config", "factors"} <= set(beside):
        return Recognised("builtin", "estimator")
    return None


def _recognise_checkpoint(checkpoint: Checkpoint, filename: str) -> Recognised:
    stated = checkpoint.metadata.get(METADATA_KEY, "")
    if stated:
        kind = checkpoint.metadata.get("evanyseg_kind", "estimator")
        return Recognised(stated, kind)
    shapes = {k: tuple(v.shape) for k, v in checkpoint.state.items()}
    found = recognise_shapes(shapes, filename, checkpoint.wrapper)
    if found is None:
        some = ", ".join(list(shapes)[:4])
        raise UnknownModelError(
            f"{filename} is no model that EvanySeg knows ({len(shapes)} tensors: {some}, ...); `evanyseg models list` "
            "shows the known ones."
        )
    return found


def recognise_as(kind: str) -> Callable[[Path], str]:
    """For the registries: the name of the model a file holds, of one kind only, with what was assumed logged."""

    def name_of(path: Path) -> str:
        found = recognise(path)
        if found.kind != kind:
            raise WeightsError(f"{path.name} is a file of {found.name}, which is no {kind} but a {found.kind}.")
        if found.assumed:
            log.warning("%s: %s", path.name, found.assumed)
        return found.name

    return name_of


def recognise_shapes(shapes: Shapes, filename: str = "", wrapper: str = "") -> Recognised | None:
    """The same from tensor shapes by key; None when nothing fits."""
    if "image_encoder.layers.0.blocks.0.conv1.c.weight" in shapes:
        return Recognised("mobile-sam", "segmenter")
    if "image_encoder.pos_embed" in shapes and any(k.startswith("mask_decoder.") for k in shapes):
        return _sam(shapes, filename.lower(), wrapper)
    if any(k.startswith("image_encoder.trunk.") for k in shapes):
        return _sam2(shapes)
    token = shapes.get("vit.embeddings.cls_token")
    if token and ("classifier.weight" in shapes or "dice_classifier.weight" in shapes):
        name = EVANYSEG_BY_WIDTH.get(token[-1])
        return Recognised(name, "estimator") if name else None
    if "backbone.0.weight" in shapes and "dice_classifier.weight" in shapes:
        return Recognised("evanyseg-resnet101", "estimator")
    if {"attention1.weight", "attention2.weight", "net.layer1.0.conv1.weight"} <= set(shapes):
        return Recognised("quality-sentinel", "estimator")
    return None


def _sam(shapes: Shapes, filename: str, wrapper: str) -> Recognised | None:
    _, grid, _, width = shapes["image_encoder.pos_embed"]
    if "image_encoder.blocks.0.Adapter.norm.weight" in shapes or grid == 16:
        return Recognised("sam-med2d", "segmenter")
    depth = 1 + max(int(k.split(".")[2]) for k in shapes if k.startswith("image_encoder.blocks."))
    name = SAM_BY_ENCODER.get((width, depth))
    if name != "sam-vit-b":
        return Recognised(name, "segmenter") if name else None
    # SAM ViT-B and MedSAM have the same 314 tensors
    if "medsam" in filename:
        variant = "medsam-point" if "point" in filename else "medsam"
        return Recognised(variant, "segmenter", f"taken for {_TITLES[variant]} because of its name")
    if wrapper:
        return Recognised(
            "medsam",
            "segmenter",
            "taken for MedSAM because it is a trainer's file (SAM's own are not wrapped); "
            "for SAM use `evanyseg models import FILE --as sam-vit-b`",
        )
    because = "because of its name" if "sam_vit_b" in filename else "for want of a telling name"
    return Recognised(
        "sam-vit-b",
        "segmenter",
        f"taken for SAM ViT-B {because}; MedSAM has the same keys: if it is MedSAM, rename it to medsam_vit_b.pth or "
        "use `evanyseg models import FILE --as medsam`",
    )


_TITLES = {"medsam": "MedSAM", "medsam-point": "MedSAM with points"}


def _sam2(shapes: Shapes) -> Recognised | None:
    width = shapes["image_encoder.trunk.patch_embed.proj.weight"][0]
    blocks = [int(k.split(".")[3]) for k in shapes if k.startswith("image_encoder.trunk.blocks.")]
    name = SAM2_BY_TRUNK.get((width, 1 + max(blocks, default=-1)))
    if name is None:
        return None
    if "obj_ptr_tpos_proj.weight" not in shapes:
        raise UnknownModelError(
            "This is a SAM 2.0 file; only SAM 2.1 is supported: get the file of the same size of SAM 2.1."
        )
    return Recognised(name, "segmenter")
