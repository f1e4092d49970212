"""EvanySeg's ResNet101 regressor on timm, from the authors' file, which numbers torchvision's children in sequence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from timm.models.resnet import Bottleneck, ResNet
from torch import Tensor, nn

from ..errors import WeightsError
from ..weights.strict import load_strict

CHILDREN = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}
"""Children of a ResNet in sequence; 2, 3 and 8 (ReLU, pooling) have no tensors."""


def _resnet(blocks: tuple[int, ...]) -> nn.Module:
    bottleneck: Any = Bottleneck  # timm annotates an instance where it takes the class
    return ResNet(bottleneck, blocks, num_classes=0)


class EvanySegResNet(nn.Module):
    """[N, 3, S, S] normalised -> 'dice' [N] and, with the second head, 'distance' [N] (Hausdorff, pixels)."""

    def __init__(self, blocks: tuple[int, int, int, int], width: int, distance: bool) -> None:
        super().__init__()
        self.backbone = _resnet(blocks)
        self.dice_classifier = nn.Linear(width, 1)
        self.hd_classifier = nn.Linear(width, 1) if distance else None

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        feature = self.backbone(pixels)
        out = {"dice": self.dice_classifier(feature)[:, 0]}
        if self.hd_classifier is not None:
            out["distance"] = self.hd_classifier(feature)[:, 0]
        return out


def to_timm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The file's tensors under timm's names."""
    child = lambda m: f"backbone.{CHILDREN.get(m[1], m[1])}."
    return {re.sub(r"^backbone\.(\d+)\.", child, key): value for key, value in state.items()}


def build_evanyseg_resnet(state: Mapping[str, Tensor]) -> EvanySegResNet:
    """The network of the released ResNet101 file (626 tensors, 628 with two heads). Raises WeightsError."""
    try:
        width = state["dice_classifier.weight"].shape[-1]
        blocks = tuple(
            1 + max(int(k.split(".")[2]) for k in state if k.startswith(f"backbone.{i}.")) for i in range(4, 8)
        )
    except (KeyError, ValueError, IndexError) as error:
        raise WeightsError(f"Not an EvanySeg ResNet file: {error} is missing or has another form.") from None
    with torch.device("meta"):
        net = EvanySegResNet((blocks[0], blocks[1], blocks[2], blocks[3]), width, "hd_classifier.weight" in state)
    return load_strict(net, to_timm(state), "EvanySeg ResNet101")
