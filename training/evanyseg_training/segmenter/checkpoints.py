"""Weights of the built-in segmenter as single safetensors files: checkpoints of a run, and the shipped one."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import save_file

from evanyseg.io.write import atomic_path
from evanyseg.nets.builtin_segmenter import BuiltinSegmenterNet
from evanyseg.protocols import Segmenter
from evanyseg.weights.eight_bits import packed


def save_weights(net: BuiltinSegmenterNet, path: Path, half: bool = True) -> None:
    """fp16 (or fp32) tensors, the architecture in the file's metadata; the file appears whole or not at all."""
    kind = torch.float16 if half else torch.float32
    tensors = {k: v.detach().to("cpu", kind).contiguous() for k, v in net.state_dict().items()}
    with atomic_path(path) as partial:
        save_file(tensors, str(partial), metadata={"architecture": json.dumps(net.arch.as_dict())})


def save_shipped(net: BuiltinSegmenterNet, path: Path) -> None:
    """The same in 8 bits per channel."""
    tensors = packed({k: v.detach().cpu().numpy() for k, v in net.state_dict().items()})
    with atomic_path(path) as partial:
        save_arrays(tensors, partial, metadata={"architecture": json.dumps(net.arch.as_dict())})


def torch_net(path: Path) -> BuiltinSegmenterNet:
    """The network of a checkpoint or of a shipped file. Raises WeightsError."""
    from evanyseg.segmenters.builtin import load

    return load(path, "cpu", "torch").net.module  # type: ignore[attr-defined]  # of the torch backend


def segmenter_from_checkpoint(path: Path | str, device: str = "cpu") -> Segmenter:
    """A ready segmenter from a checkpoint file of a run (or the shipped weights). Raises WeightsError."""
    from evanyseg.segmenters.builtin import load

    return load(Path(path), device)
