"""MedSAM (Ma et al. 2024, Nature Communications 15:654): SAM's ViT-B fine-tuned on one mask per box.

Square min-max input, one mask. Its IoU head and its other mask tokens were never trained, nor were mask prompts; the
box model never saw a point, the point variant (FLARE22) never a box, a negative or a second click.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .preprocess import MinMaxSquare
from .prompted import Capabilities, PromptedSam

if TYPE_CHECKING:
    from torch import Tensor

BOX_ONLY = Capabilities(points=False, mask_input=False, iou=False, last=1)
POINT_ONLY = Capabilities(boxes=False, negative_points=False, several_points=False, mask_input=False, iou=False, last=1)


def from_state(state: Mapping[str, Tensor], device: str, name: str = "medsam") -> PromptedSam:
    """A segmenter from MedSAM's state dict; `name` 'medsam-point' makes the point variant."""
    from ..nets.sam_build import build_sam

    point = name == "medsam-point"
    preprocess = MinMaxSquare(antialias=not point)
    return PromptedSam(name, build_sam(state, name), device, preprocess, POINT_ONLY if point else BOX_ONLY)
