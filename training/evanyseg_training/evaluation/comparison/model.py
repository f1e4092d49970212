"""A comparison segmenter: box and image in, one mask out, at a resolution and with a window of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from evanyseg.errors import WeightsError
from evanyseg.io.write import atomic_path
from evanyseg.prompts import BoxPrompt
from evanyseg.quality.context import ContextWindow, box_coverage, window_image

THRESHOLD = 0.5
FORMER_HEADER = "rival"
"""What the header's entry was called before: read, never written."""


@dataclass(frozen=True)
class ComparisonConfig:
    """`window`: 'crop' (square around the box, side = factor x its longer side) or 'whole' (the padded image).

    `size`: pixels a side of the network's input; `net`: 'unet' or 'segresnet'.
    """

    name: str
    net: str
    window: str
    size: int
    factor: float = 1.6

    def place(self, box: BoxPrompt, shape: tuple[int, ...], factor: float | None = None) -> ContextWindow:
        if self.window == "crop":
            return ContextWindow.around(box, shape, factor or self.factor)
        return ContextWindow(0, 0, max(shape[:2]), (int(shape[0]), int(shape[1])))


COMPARISON = {
    c.name: c
    for c in (
        ComparisonConfig("unet-crop", "unet", "crop", 96),
        ComparisonConfig("segresnet-whole", "segresnet", "whole", 128),
    )
}


def build_net(config: ComparisonConfig) -> nn.Module:
    """Four channels in (gray or color image, box), one logit out. Networks are MONAI's."""
    from monai.networks.nets import BasicUNet, SegResNet

    if config.net == "unet":
        return BasicUNet(
            spatial_dims=2,
            in_channels=4,
            out_channels=1,
            features=(16, 24, 48, 96, 128, 16),
            norm=("group", {"num_groups": 4}),
        )
    return SegResNet(
        spatial_dims=2, in_channels=4, out_channels=1, init_filters=8, blocks_down=(1, 1, 2, 2), blocks_up=(1, 1, 1),
        norm=("group", {"num_groups": 4}),
    )  # fmt: skip


def comparison_input(planes: np.ndarray, box: np.ndarray) -> Tensor:
    """float32 [4, n, n]: image planes uint8 [3, n, n] centered and scaled by their spread, and the box in [0, 1]."""
    image = planes.astype(np.float32) / 255
    image = (image - image.mean()) / max(float(image.std()), 0.04)
    return torch.from_numpy(np.concatenate([image, box[None].astype(np.float32) / 255]))


class ComparisonSegmenter:
    """One checkpoint. `segment` is deterministic."""

    def __init__(self, config: ComparisonConfig, net: nn.Module, step: int) -> None:
        self.config, self.net, self.step = config, net.eval(), step
        self.name = f"{config.name}@{step}"

    def segment(self, image: np.ndarray, boxes: Sequence[BoxPrompt]) -> np.ndarray:
        """bool [N, H, W]: one mask for each box on an image uint8 [H, W, 3]."""
        n = self.config.size
        windows = [self.config.place(box, image.shape) for box in boxes]
        inputs = [
            comparison_input(window_image(image, w, n), box_coverage(box, w, n))
            for w, box in zip(windows, boxes, strict=True)
        ]
        with torch.inference_mode():
            shares = torch.sigmoid(self.net(torch.stack(inputs)).float())[:, 0].numpy()
        return np.stack([w.paste(p) > THRESHOLD for w, p in zip(windows, shares, strict=True)])


def save_comparison(path: Path, config: ComparisonConfig, states: Mapping[int, Mapping[str, Tensor]]) -> None:
    """One safetensors file with fp16 weights of several steps; the config is in its header."""
    import json

    from safetensors.torch import save_file

    tensors = {f"{step}/{k}": v.detach().half().contiguous() for step, sd in states.items() for k, v in sd.items()}
    with atomic_path(path) as partial:
        save_file(tensors, str(partial), {"comparison": json.dumps(asdict(config))})


def load_all(folder: Path) -> list[ComparisonSegmenter]:
    """Every checkpoint of both segmenters, from the files that `evanyseg-train comparison` wrote into a folder."""
    return [one for name in COMPARISON for one in load_comparison(folder / f"{name}.safetensors")]


def load_comparison(path: Path) -> list[ComparisonSegmenter]:
    """The checkpoints in a file, earliest first. Raises WeightsError for a file that is not one."""
    import json

    from safetensors import SafetensorError, safe_open

    states: dict[int, dict[str, Tensor]] = {}
    try:
        with safe_open(str(path), "pt") as file:
            header = file.metadata() or {}
            config = ComparisonConfig(**json.loads(header.get("comparison") or header[FORMER_HEADER]))
            for key in file.keys():  # noqa: SIM118 (not a dict)
                step, name = key.split("/", 1)
                states.setdefault(int(step), {})[name] = file.get_tensor(key).float()
    except (OSError, SafetensorError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path.name} is not a comparison segmenter's file; train one with evanyseg-train comparison."
        ) from error
    segmenters = []
    for step in sorted(states):
        net = build_net(config)
        net.load_state_dict(states[step])
        segmenters.append(ComparisonSegmenter(config, net, step))
    return segmenters
