"""Quality Sentinel's network (Chen et al., arXiv 2406.00327): ResNet50 on image and mask, steered by the organ's name.

h = fc2(a2 * fc1(a1 * f)), with a1 and a2 linear in (f, embedding of the organ); no activations in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from timm.models.resnet import Bottleneck, ResNet
from torch import Tensor, nn

from ..errors import WeightsError
from ..weights.strict import load_strict

UNUSED = ("net.conv1.", "net.bn1.", "net.fc.")
"""In the file, never called: the stem and the classifier of the ResNet that it started from."""


class QualitySentinelNet(nn.Module):
    """image-and-mask [N, 2, H, W] (published: 256 x 256), organ embedding [N, embedding] -> predicted Dice [N].

    `net`: what turns the input into features [N, feature]."""

    def __init__(self, net: nn.Module, feature: int, hidden: int, embedding: int) -> None:
        super().__init__()
        self.net = net
        self.fc1, self.fc2 = nn.Linear(feature, hidden), nn.Linear(hidden, 1)
        self.attention1 = nn.Linear(feature + embedding, feature)
        self.attention2 = nn.Linear(feature + embedding, hidden)

    def forward(self, pixels: Tensor, organ: Tensor) -> Tensor:
        feature = self.net(pixels)
        both = torch.cat((feature, organ), dim=1)
        hidden = self.fc1(self.attention1(both) * feature)
        return self.fc2(self.attention2(both) * hidden)[:, 0]


def centered(planes: Tensor) -> Tensor:
    """Image and mask in [0, 1] [..., 2, s, s], both about one half, as published."""
    return (planes - 0.5) / torch.tensor([0.25, 0.5], device=planes.device).view(2, 1, 1)


def published_trunk(blocks: tuple[int, int, int, int]) -> nn.Module:
    """ResNet50 (by its numbers of blocks) on image and mask."""
    bottleneck: Any = Bottleneck  # timm annotates an instance where it takes the class
    net: Any = ResNet(bottleneck, blocks, in_chans=2, num_classes=0)
    net.conv1 = nn.Conv2d(2, 64, 7, stride=2, padding=3)  # theirs has a bias
    trunk: nn.Module = net
    return trunk


def to_timm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The file's tensors under this network's names, without the unused ones."""
    used = {k: v for k, v in state.items() if not k.startswith(UNUSED)}
    return {f"net.{k}" if k.startswith(("conv1.", "bn1.")) else k: v for k, v in used.items()}


def build_quality_sentinel(state: Mapping[str, Tensor]) -> QualitySentinelNet:
    """The network of Quality Sentinel's file (335 tensors). Raises WeightsError."""
    try:
        hidden, feature = state["fc1.weight"].shape
        embedding = state["attention1.weight"].shape[1] - feature
        blocks = tuple(
            1 + max(int(k.split(".")[2]) for k in state if k.startswith(f"net.layer{i}.")) for i in range(1, 5)
        )
    except (KeyError, ValueError, IndexError) as error:
        raise WeightsError(f"Not a Quality Sentinel file: {error} is missing or has another form.") from None
    with torch.device("meta"):
        trunk = published_trunk((blocks[0], blocks[1], blocks[2], blocks[3]))
        net = QualitySentinelNet(trunk, feature, hidden, embedding)
    return load_strict(net, to_timm(state), "Quality Sentinel")
