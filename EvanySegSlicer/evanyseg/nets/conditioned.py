"""The small network that is told the class: Quality Sentinel's form on a small residual network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from timm.models.resnet import BasicBlock, ResNet
from torch import Tensor

from ..weights.strict import load_strict
from .quality_sentinel import QualitySentinelNet, centered

CHANNELS = (16, 32, 64, 128)
HIDDEN = 50


def small_net(condition: int) -> QualitySentinelNet:
    """The published form (features and class steer two layers); condition: numbers that tell the class."""
    block: Any = BasicBlock  # timm annotates an instance where it takes the class
    trunk: Any = ResNet(block, (1, 1, 1, 1), in_chans=2, num_classes=0, channels=CHANNELS)
    return QualitySentinelNet(trunk, CHANNELS[-1], HIDDEN, condition)


def build_conditioned(state: Mapping[str, Tensor], condition: int) -> QualitySentinelNet:
    """Raises WeightsError."""
    with torch.device("meta"):
        net = small_net(condition)
    return load_strict(net, state, "an estimator that is told the class")


def planes(pixels: Tensor) -> Tensor:
    """float32 [N, 2, s, s] of uint8 pixels: see `centered`."""
    return centered(pixels.float() / 255)
