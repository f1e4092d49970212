"""The published EvanySeg regressors (Senbi et al., arXiv 2409.14874) as estimators: the paper's mode.

They see the box and nothing around it (`paper_crop`), give one number, and were never calibrated: no interval. Without
a box the crop is the one of point prompts. The second head, where a file has it, is the largest Hausdorff distance.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .paper_crop import paper_input
from .regressor import MaskRegressor

if TYPE_CHECKING:
    from torch import Tensor, nn


def from_state(state: Mapping[str, Tensor], device: str, name: str = "evanyseg-vit-b") -> MaskRegressor:
    """An estimator from a released state dict: ViT-b, ViT-l or ResNet101, one or two heads. Raises WeightsError."""
    net: nn.Module
    if any(k.startswith("backbone.") for k in state):
        from ..nets.evanyseg_resnet import build_evanyseg_resnet

        net = build_evanyseg_resnet(state)
    else:
        from ..nets.evanyseg_vit import build_evanyseg_vit

        net = build_evanyseg_vit(state)
    return MaskRegressor(
        name,
        net,
        device,
        prepare=lambda image, mask, box, label: {"pixels": paper_input(image, mask, box)},
        forward=lambda network, inputs: network(inputs["pixels"]),
    )
