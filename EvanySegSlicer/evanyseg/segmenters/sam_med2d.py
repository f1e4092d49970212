"""SAM-Med2D (Cheng et al. 2023, arXiv 2308.16184): ViT-B at 256 px, with adapters or (FT-SAM) without.

Its predictor answers with the best of the three alternatives by predicted IoU; here all three come back, and
`Candidates.best` is the one it would have chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .preprocess import NearestSquare
from .prompted import Capabilities, PromptedSam

if TYPE_CHECKING:
    from torch import Tensor


def from_state(state: Mapping[str, Tensor], device: str, name: str = "sam-med2d") -> PromptedSam:
    """A segmenter from SAM-Med2D's state dict (386 tensors with adapters, 314 without)."""
    from ..nets.sam_build import build_sam

    return PromptedSam(name, build_sam(state, name), device, NearestSquare(), Capabilities(first=1))
