"""MobileSAM (Zhang et al. 2023, arXiv 2306.14289): SAM's prompt encoder and decoder behind a TinyViT encoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .preprocess import LongestSide
from .prompted import PromptedSam

if TYPE_CHECKING:
    from torch import Tensor


def from_state(state: Mapping[str, Tensor], device: str, name: str = "mobile-sam") -> PromptedSam:
    """A segmenter from MobileSAM's state dict. Candidates: the single mask, then the three alternatives."""
    from ..nets.tiny_vit import build_mobile_sam

    return PromptedSam(name, build_mobile_sam(state), device, LongestSide())
