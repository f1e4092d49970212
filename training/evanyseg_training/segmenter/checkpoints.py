"""Weights of the built-in segmenter as single safetensors files: checkpoints of a run, and the shipped one."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from evanyseg.io.write import atomic_path
from evanyseg.nets.builtin_segmenter import BuiltinSegmenterNet
from evanyseg.protocols import Segmenter


def save_weights(net: BuiltinSegmenterNet, path: Path, half: bool = True) -> None:
    """fp16 (or fp32) tensors, the architecture in the file's metadata; the file appears whole or not at all."""
    kind = torch.float16 if half else torch.float32
    tensors = {k: v.detach().to("cpu", kind).contiguous() for k, v in net.state_dict().items()}
    with atomic_path(path) as partial:
        save_file(tensors, str(partial), metadata={"architecture": json.dumps(net.arch.as_dict())})


def segmenter_from_checkpoint(path: Path | str, device: str = "cpu") -> Segmenter:
    """A ready segmenter from a checkpoint file of a run (or the shipped weights). Raises WeightsError."""
    from evanyseg.segmenters.builtin import load

    return load(Path(path), device)
