"""The networks that can be trained as estimators, by name, and how a batch is shown to them.

Input `context`: six planes of the window with auxiliary features. Input `paper`: EvanySeg's crop of the same candidates
(see `paper_data`), three planes and nothing else. A model without error maps is wrapped, so that all share losses and
logs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from evanyseg.nets.builtin_estimator import BuiltinEstimatorNet, EstimatorConfig, EstimatorOutput
from evanyseg.quality.context import AUXILIARY, AUXILIARY_COUNT
from evanyseg.quality.paper_crop import IMAGENET_MEAN, IMAGENET_STD

from ...errors import OptionError
from ..module import Scorer, run_net
from .lite import LiteEstimatorNet, load_lite, packaged_weights

TIMM_NAMES = {
    "vit-b": "vit_base_patch16_224",
    "vit-l": "vit_large_patch16_224",
    "vit-tiny": "vit_tiny_patch16_224",
    "resnet101": "resnet101",
    "resnet18": "resnet18",
}
NAMES = ("builtin", "builtin-lite", *TIMM_NAMES)


def build_net(
    name: str, size: int, channels: int = 6, auxiliary: int = AUXILIARY_COUNT, pretrained: bool = False
) -> nn.Module:
    """A freshly initialized network for windows of `size` pixels. Raises OptionError for an unknown name."""
    if name == "builtin":
        return BuiltinEstimatorNet(EstimatorConfig(size=size, channels=channels, shape=auxiliary - len(AUXILIARY)))
    if name == "builtin-lite":
        net = LiteEstimatorNet(EstimatorConfig(size=size, channels=channels, shape=auxiliary - len(AUXILIARY)))
        if pretrained:
            load_lite(net.side.trunk, torch.load(packaged_weights(), map_location="cpu", weights_only=True))
        return net
    if name not in TIMM_NAMES:
        raise OptionError(f"Unknown estimator '{name}'; choose one of {', '.join(NAMES)}.")
    import timm

    extra: dict[str, Any] = {"img_size": size} if name.startswith("vit") else {}
    backbone = timm.create_model(TIMM_NAMES[name], in_chans=channels, num_classes=0, pretrained=pretrained, **extra)
    return BackboneRegressor(backbone, auxiliary)


def net_for(name: str, mode: str, size: int, pretrained: bool = False) -> nn.Module:
    """`build_net` with the planes and auxiliary features that `mode` ('paper' or 'context') shows."""
    channels, auxiliary = (3, 0) if mode == "paper" else (6, AUXILIARY_COUNT)
    return build_net(name, size, channels, auxiliary, pretrained)


class BackboneRegressor(nn.Module):
    """A timm backbone with linear Dice and HD95 heads (quantiles are the Dice itself: it has no such head).

    `auxiliary` = 0 leaves the auxiliary features out (the paper's setting)."""

    def __init__(self, backbone: nn.Module, auxiliary: int) -> None:
        super().__init__()
        self.backbone, self.auxiliary = backbone, auxiliary
        self.dice = nn.Linear(int(backbone.num_features) + auxiliary, 1)  # type: ignore[arg-type]
        self.hd95 = nn.Linear(int(backbone.num_features) + auxiliary, 1)  # type: ignore[arg-type]

    def forward(self, pixels: Tensor, auxiliary: Tensor, areas: Tensor) -> EstimatorOutput:
        features = self.backbone(pixels).float()
        if self.auxiliary:
            features = torch.cat([features, auxiliary.float()], dim=1)
        dice = self.dice(features)[:, 0].float()
        flat = torch.full((len(dice), pixels.shape[2] // 2, pixels.shape[3] // 2), -4.0, device=dice.device)
        quantiles = dice[:, None].expand(-1, 5)
        return EstimatorOutput(dice, quantiles, self.hd95(features)[:, 0].float(), flat, flat)


def run_paper(net: nn.Module, batch: dict[str, Tensor]) -> EstimatorOutput:
    """The published crops of `paper_data` (uint8), with ImageNet mean and deviation."""
    planes = batch["pixels"].float() / 255
    mean = torch.tensor(IMAGENET_MEAN, device=planes.device).view(1, 3, 1, 1)
    std = torch.tensor(IMAGENET_STD, device=planes.device).view(1, 3, 1, 1)
    pixels = ((planes - mean) / std).contiguous(memory_format=torch.channels_last)
    return net(pixels, batch["auxiliary"], batch["areas"])


def scorer_of(mode: str) -> Scorer:
    """How batches are shown: 'context' or 'paper'. Raises OptionError for another name."""
    scorers = {"context": run_net, "paper": run_paper}
    if mode not in scorers:
        raise OptionError(f"Unknown input mode '{mode}'; choose context or paper.")
    return scorers[mode]
