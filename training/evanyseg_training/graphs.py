"""The built-in networks as ONNX graphs without weights, for onnxruntime.

A graph's initialisers that are parameters of the torch network keep their names and shapes and lose their values: the
engine fills them from the weight file at load (`evanyseg.nets.builtin.onnx_session`). Constants stay in the graph.
"""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from evanyseg.io.write import atomic_path, write_text
from evanyseg.nets.builtin.onnx_estimator import INPUT_NAMES
from evanyseg.nets.builtin.onnx_segmenter import FEATURES
from evanyseg.nets.builtin_estimator import BuiltinEstimatorNet, estimator_forward
from evanyseg.nets.builtin_segmenter import BuiltinSegmenterNet
from evanyseg.quality.context import AUXILIARY_COUNT
from evanyseg.segmenters.crops import SIDE
from evanyseg.segmenters.features import Features
from evanyseg.segmenters.tokens import BOTTOM_RIGHT, POINT_SLOTS, TOP_LEFT

OPSET = 17
"""Operators that the CPU provider of every onnxruntime since 1.14 has, on all systems."""
ESTIMATES = ("dice", "mapped", "low", "lower", "upper", "high", "log_hd95", "false_positive", "false_negative")


class EstimatorGraph(nn.Module):
    """Input, mirror images and their mean around the network: arrays of `context.stacked` to ESTIMATES."""

    def __init__(self, net: BuiltinEstimatorNet, flips: bool) -> None:
        super().__init__()
        self.net, self.flips = net, flips

    def forward(self, pixels: Tensor, distance: Tensor, auxiliary: Tensor, areas: Tensor) -> tuple[Tensor, ...]:
        batch = {"pixels": pixels, "distance": distance, "auxiliary": auxiliary, "areas": areas}
        found = estimator_forward(self.net, batch, self.flips)
        return tuple(found[name] for name in ESTIMATES)


class EncoderGraph(nn.Module):
    def __init__(self, net: BuiltinSegmenterNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        found = self.net.encoder(crops)
        return tuple(getattr(found, name) for name in FEATURES)


class DecoderGraph(nn.Module):
    def __init__(self, net: BuiltinSegmenterNet) -> None:
        super().__init__()
        self.net = net

    def forward(
        self, embedding: Tensor, skip4: Tensor, skip2: Tensor, coords: Tensor, labels: Tensor, mask_input: Tensor,
        has_mask_input: Tensor,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        return self.net.decode(Features(embedding, skip4, skip2), coords, labels, mask_input, has_mask_input)


def write_estimator_graph(net: BuiltinEstimatorNet, flips: bool, folder: Path) -> list[Path]:
    """estimator.onnx and .json, for any number of masks at a time."""
    size, count = net.config.size, 2
    inputs = {
        "pixels": torch.randint(0, 256, (count, 5, size, size), dtype=torch.uint8),
        "distance": torch.rand(count, size // 2, size // 2),
        INPUT_NAMES["auxiliary"]: torch.rand(count, AUXILIARY_COUNT),
        "areas": torch.rand(count, 2),
    }
    sizes = {**_config(net), "flips": flips}
    return _write(EstimatorGraph(net, flips), inputs, ESTIMATES, {"masks": inputs}, folder / "estimator.onnx", sizes)


def write_segmenter_graphs(net: BuiltinSegmenterNet, folder: Path) -> list[Path]:
    """segmenter_encoder.onnx and segmenter_decoder.onnx with their .json: one view; any number of prompt tokens."""
    inputs = {"views": torch.rand(1, 3, SIDE, SIDE)}
    with torch.no_grad():
        found = net.encoder(inputs["views"])
    tokens = 2 + POINT_SLOTS
    labels = torch.full((1, tokens), -1)
    labels[0, :2] = torch.tensor([TOP_LEFT, BOTTOM_RIGHT])
    prompt = {
        **{name: getattr(found, name) for name in FEATURES},
        "coords": torch.rand(1, tokens, 2) * SIDE,
        "labels": labels,
        "previous": torch.randn(1, 1, SIDE // 2, SIDE // 2),
        "has_previous": torch.ones(1, dtype=torch.bool),
    }
    sizes = net.arch.as_dict()
    written = _write(EncoderGraph(net), inputs, FEATURES, {}, folder / "segmenter_encoder.onnx", sizes)
    free = {"tokens": ("coords", "labels")}
    return written + _write(
        DecoderGraph(net), prompt, ("logits", "iou"), free, folder / "segmenter_decoder.onnx", sizes, axis=1
    )


def _config(net: BuiltinEstimatorNet) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(net.config).items()}


def _write(
    module: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str], free: Mapping[str, Any], path: Path,
    sizes: Mapping[str, Any], axis: int = 0,
) -> list[Path]:  # fmt: skip
    """The graph at `path` and its description beside it. free: name of a free axis -> inputs that have it."""
    import onnx

    module = _with_distinct_values(module)
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_suffix(".whole.part")  # with weights: never what is kept
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's remarks on shapes that are fixed on purpose; its deprecation
        torch.onnx.export(
            module,
            tuple(inputs.values()),
            str(whole),
            opset_version=OPSET,
            dynamo=False,  # the newer exporter renames parameters
            do_constant_folding=False,  # as folding does
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: {axis: axis_name} for axis_name, names in free.items() for name in names},
        )
    graph = onnx.load(str(whole))
    whole.unlink()
    shapes = _emptied(graph.graph, set(module.state_dict()), "net.")
    graph.producer_version = ""
    with atomic_path(path) as partial:
        Path(partial).write_bytes(graph.SerializeToString(deterministic=True))
    lines = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in shapes.items())
    told = f'{{\n "sizes": {json.dumps(sizes)},\n "weights": {{\n{lines}\n }}\n}}\n'
    write_text(path.with_suffix(".graph.json"), told)
    return [path, path.with_suffix(".graph.json")]


def _with_distinct_values(module: nn.Module) -> nn.Module:
    """A copy in which no two parameters are equal: the exporter makes one of those that are."""
    module = copy.deepcopy(module).eval()
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in module.state_dict().values():
            tensor.copy_(torch.rand(tensor.shape, generator=draw) + 0.5)
    return module


def _emptied(graph: Any, parameters: set[str], prefix: str) -> dict[str, list[int]]:
    """Takes the values of all parameters out of a graph, renames them as in the network; their shapes by name."""
    from onnx import TensorProto

    shapes: dict[str, list[int]] = {}
    for tensor in graph.initializer:
        if tensor.name not in parameters:
            continue
        name = tensor.name.removeprefix(prefix)
        shapes[name] = list(tensor.dims)
        for node in graph.node:
            node.input[:] = [name if i == tensor.name else i for i in node.input]
        tensor.name = name
        tensor.ClearField("raw_data")
        tensor.ClearField("float_data")
        tensor.data_location = TensorProto.EXTERNAL
        place = tensor.external_data.add()
        place.key, place.value = "location", "weights"
    return shapes
