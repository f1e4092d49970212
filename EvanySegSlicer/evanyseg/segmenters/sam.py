"""SAM ViT-B, -L and -H (Kirillov et al. 2023, arXiv 2304.02643): as `segment_anything.SamPredictor` runs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .preprocess import LongestSide
from .prompted import PromptedSam

if TYPE_CHECKING:
    from torch import Tensor


def from_state(state: Mapping[str, Tensor], device: str, name: str = "sam-vit-b") -> PromptedSam:
    """A segmenter from SAM's state dict. Candidates: the single mask, then the three alternatives."""
    from ..nets.sam_build import build_sam

    return PromptedSam(name, build_sam(state, name), device, LongestSide())
