"""The built-in quality network: convolutions for edges, attention for shape, a light decoder for the error maps.

Dice comes from two places that are mixed: the predicted false-positive and false-negative maps (how much of the mask
is wrong, how much is missing) and a scalar head that also sees what the window cannot show (leak outside it).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .builtin.vit_block import Block

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class EstimatorConfig:
    """size: window in pixels (a multiple of 16); channels: of the input; auxiliary: how many auxiliary features
    the trunk sees too; shape: further ones (`quality.shape`) for the head alone."""

    size: int = 128
    channels: int = 6
    auxiliary: int = 10
    shape: int = 0
    widths: tuple[int, int, int, int] = (24, 48, 96, 160)
    depths: tuple[int, int] = (1, 2)
    blocks: int = 4
    heads: int = 5
    decoder: int = 32


@dataclass
class EstimatorOutput:
    """dice [N] mixed estimate in (0, 1); mapped [N] the part of it that comes from the maps; quantiles [N, 5]
    ascending; log_hd95 [N] (log(1 + 100 HD95 / diagonal)); fp_logits, fn_logits [N, size/2, size/2]."""

    dice: Tensor
    quantiles: Tensor
    log_hd95: Tensor
    fp_logits: Tensor
    fn_logits: Tensor
    mapped: Tensor | None = None


@dataclass
class TrunkFeatures:
    """What the trunk hands to the head: hidden [N, H], mapped [N] (Dice from the maps), its logit, and the maps."""

    hidden: Tensor
    mapped: Tensor
    logit: Tensor
    fp_logits: Tensor
    fn_logits: Tensor


class Residual(nn.Module):
    """Two 3x3 convolutions with group norm (no batch statistics: results never depend on the batch)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm1 = nn.GroupNorm(4, width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.GroupNorm(4, width)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(x + self.norm2(self.conv2(y)))


class Down(nn.Module):
    """3x3 convolution with stride 2, group norm, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
        self.norm = nn.GroupNorm(4, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))


class BuiltinEstimatorNet(nn.Module):
    """See `EstimatorOutput`; input made by `network_input` from `quality.context`."""

    def __init__(self, config: EstimatorConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or EstimatorConfig()
        w0, w1, w2, w3 = config.widths
        self.stem = nn.Sequential(nn.Conv2d(config.channels, w0, 3, stride=2, padding=1), nn.ReLU(inplace=True))
        self.stage1 = nn.Sequential(Down(w0, w1), *(Residual(w1) for _ in range(config.depths[0])))
        self.stage2 = nn.Sequential(Down(w1, w2), *(Residual(w2) for _ in range(config.depths[1])))
        self.stage3 = Down(w2, w3)
        tokens = (config.size // 16) ** 2
        self.position = nn.Parameter(torch.zeros(1, tokens, w3))
        nn.init.trunc_normal_(self.position, std=0.02)
        # by its former name: weight files and the shipped graph name their tensors so
        self.scalar_token = nn.Sequential(nn.Linear(config.auxiliary, w3), nn.GELU(), nn.Linear(w3, w3))
        self.blocks = nn.ModuleList(Block(w3, config.heads, widening=3) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(w3)
        d = config.decoder
        self.lateral3 = nn.Conv2d(w3, d, 1)
        self.lateral2 = nn.Conv2d(w2, d, 1)
        self.lateral1 = nn.Conv2d(w1, d, 1)
        self.smooth2 = nn.Conv2d(d, d, 3, padding=1)
        self.smooth1 = nn.Conv2d(d, d, 3, padding=1)
        self.narrow = nn.Conv2d(d, d // 2, 1)
        self.lateral0 = nn.Conv2d(w0, d // 2, 1)
        self.maps = nn.Conv2d(d // 2, 2, 3, padding=1)
        hidden = 2 * w3 + config.auxiliary + 3 + config.shape
        self.head = nn.Sequential(nn.Linear(hidden, 192), nn.GELU(), nn.Linear(192, 96), nn.GELU())
        self.outputs = nn.Linear(96, 3 + len(QUANTILES))
        with torch.no_grad():
            self.maps.bias.fill_(-2.0)  # type: ignore[union-attr]
            self.outputs.weight.mul_(0.5)

    def forward(self, pixels: Tensor, auxiliary: Tensor, areas: Tensor) -> EstimatorOutput:
        """pixels float [N, C, size, size]; auxiliary [N, S or more]; areas [N, 2]: mask in and outside the window, as
        shares of the window's area."""
        return self.forward_head(self.forward_features(pixels, auxiliary, areas))

    def forward_features(self, pixels: Tensor, auxiliary: Tensor, areas: Tensor) -> TrunkFeatures:
        """The trunk and the maps: all that does not depend on the head."""
        auxiliary, shape = auxiliary.split([self.config.auxiliary, auxiliary.shape[1] - self.config.auxiliary], dim=1)
        x0, x1, x2, x3 = self.pyramid(pixels)
        n, width, h, w = x3.shape
        tokens = x3.flatten(2).transpose(1, 2) + self.position
        tokens = torch.cat([self.scalar_token(auxiliary)[:, None].to(tokens.dtype), tokens], dim=1)
        for block in self.blocks:
            tokens = block(tokens)
        tokens = self.norm(tokens)
        grid = tokens[:, 1:].transpose(1, 2).reshape(n, width, h, w)
        fp_logits, fn_logits = self._decode(grid, x2, x1, x0).float().unbind(1)

        mask = F.avg_pool2d(pixels[:, 3:4].float(), 2)[:, 0]
        mapped = dice_from_maps(fp_logits, fn_logits, mask, areas[:, 1])
        pooled = torch.cat([tokens[:, 0], tokens[:, 1:].mean(1)], dim=1).float()
        logit = torch.logit(mapped.detach().clamp(0.005, 0.995))
        extra = torch.stack([logit, areas[:, 0].clamp(max=1), areas[:, 1].clamp(max=4)], dim=1)
        hidden = torch.cat([pooled, auxiliary.float(), extra, shape[:, : self.config.shape].float()], dim=1)
        return TrunkFeatures(hidden, mapped, logit, fp_logits, fn_logits)

    def pyramid(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The trunk's features at a half, a quarter, an eighth and a 16th of the window's size."""
        x0 = self.stem(pixels)
        x1 = self.stage1(x0)
        x2 = self.stage2(x1)
        return x0, x1, x2, self.stage3(x2)

    def forward_head(self, features: TrunkFeatures) -> EstimatorOutput:
        """The head: numbers from the trunk's features."""
        out = self.outputs(self.head(features.hidden)).float()
        mix = torch.sigmoid(out[:, 0])
        dice = mix * features.mapped + (1 - mix) * torch.sigmoid(out[:, 1] + features.logit)
        steps = F.softplus(out[:, 3:7])
        spread = torch.stack(
            [-(steps[:, 0] + steps[:, 1]), -steps[:, 1], 0 * steps[:, 0], steps[:, 2], steps[:, 2] + steps[:, 3]], 1
        )
        center = torch.logit(dice.clamp(0.002, 0.998)) + 0.1 * out[:, 7]
        quantiles = torch.sigmoid(center[:, None] + spread)
        return EstimatorOutput(
            dice, quantiles, F.softplus(out[:, 2]), features.fp_logits, features.fn_logits, features.mapped
        )

    def _decode(self, grid: Tensor, x2: Tensor, x1: Tensor, x0: Tensor) -> Tensor:
        up = lambda t: F.interpolate(t, scale_factor=2, mode="nearest")
        y = F.relu(self.smooth2(up(self.lateral3(grid)) + self.lateral2(x2)))
        y = F.relu(self.smooth1(up(y) + self.lateral1(x1)))
        y = F.relu(up(self.narrow(y)) + self.lateral0(x0))
        return self.maps(y)


def dice_from_maps(fp_logits: Tensor, fn_logits: Tensor, mask: Tensor, mask_out: Tensor) -> Tensor:
    """Dice [N] implied by error maps: TP = |M| - sum FP, Dice = 2 TP / (2 TP + FP + FN).

    mask [N, n, n]: coverage on the maps' grid; FP counts only where the mask is, FN only where it is not.
    mask_out [N]: mask outside the window as a share of the window's area; all of it counts as false positive.
    """
    cells = mask.shape[-1] * mask.shape[-2]
    false_positive = (torch.sigmoid(fp_logits) * mask).sum((1, 2)) / cells
    false_negative = (torch.sigmoid(fn_logits) * (1 - mask)).sum((1, 2)) / cells
    true_positive = (mask.sum((1, 2)) / cells - false_positive).clamp(min=0)
    wrong = false_positive + mask_out + false_negative
    return (2 * true_positive + 1e-6) / (2 * true_positive + wrong + 2e-6)


def network_input(pixels: Tensor, distance: Tensor) -> Tensor:
    """float32 [N, 6, n, n] from uint8 [N, 5, n, n] and the signed distance [N, n/2, n/2].

    The image is centred and scaled by its own grey mean and deviation in the window, so that neither brightness nor
    contrast of a scanner matters; the deviation has a floor, so that a flat window stays flat.
    """
    planes = pixels.float() / 255
    gray = planes[:, :3].mean(1, keepdim=True)
    center = gray.mean((2, 3), keepdim=True)
    spread = gray.std((2, 3), keepdim=True).clamp(min=0.04)
    rgb = ((planes[:, :3] - center) / spread).clamp(-4, 4)
    far = F.interpolate(distance[:, None].float(), scale_factor=2, mode="bilinear", align_corners=False)
    return torch.cat([rgb, planes[:, 3:5], far], dim=1)


def estimator_forward(net: nn.Module, batch: dict[str, Tensor], flips: bool = False) -> dict[str, Tensor]:
    """Raw numbers per mask: dice, mapped, low, lower, upper, high (quantiles but the middle one), log_hd95,
    false_positive, false_negative.

    `flips`: the mean over the window, its two mirror images and the half turn.
    """
    pixels = network_input(batch["pixels"], batch["distance"])
    views: list[tuple[int, ...]] = [(), (-1,), (-2,), (-2, -1)] if flips else [()]
    count = len(views)
    shown = torch.cat([pixels.flip(axes) if axes else pixels for axes in views])
    out: EstimatorOutput = net(
        shown.contiguous(memory_format=torch.channels_last),
        batch["auxiliary"].repeat(count, 1),
        batch["areas"].repeat(count, 1),
    )

    def mean(values: Tensor) -> Tensor:
        return values.reshape(count, -1, *values.shape[1:]).mean(0)

    def mean_map(logits: Tensor) -> Tensor:
        parts = logits.reshape(count, -1, *logits.shape[1:]).unbind(0)
        turned = [part.flip(axes) if axes else part for part, axes in zip(parts, views, strict=True)]
        return torch.sigmoid(torch.stack(turned)).mean(0)

    return {
        "dice": mean(out.dice),
        "mapped": mean(out.dice if out.mapped is None else out.mapped),
        "low": mean(out.quantiles[:, 0]),
        "lower": mean(out.quantiles[:, 1]),
        "upper": mean(out.quantiles[:, -2]),
        "high": mean(out.quantiles[:, -1]),
        "log_hd95": mean(out.log_hd95),
        "false_positive": mean_map(out.fp_logits),
        "false_negative": mean_map(out.fn_logits),
    }
