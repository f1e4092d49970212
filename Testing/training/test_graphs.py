"""The shipped ONNX graphs: made from today's networks, without weights, of plain operators."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

from evanyseg.nets.builtin.onnx_segmenter import OnnxSegmenterNet
from evanyseg.protocols import never_cancel
from evanyseg.quality.builtin import GRAPHS
from evanyseg.segmenters.builtin import WEIGHTS, load
from evanyseg.segmenters.crops import Crop
from evanyseg.segmenters.tokens import prompt_tokens
from evanyseg.weights.eight_bits import packed, unpacked
from evanyseg.weights.safe_load import read_arrays
from evanyseg_training.cli import app
from evanyseg_training.graphs import OPSET

NAMES = ("estimator", "segmenter_encoder", "segmenter_decoder")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graphs")
    done = CliRunner().invoke(app, ["graphs", "-o", str(folder)], catch_exceptions=False)
    assert done.exit_code == 0
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_graph_is_what_the_command_makes(made: Path, name: str) -> None:
    described = [json.loads((folder / f"{name}.graph.json").read_text()) for folder in (GRAPHS, made)]
    assert described[0] == described[1], "a network changed: run 'evanyseg-train graphs'"
    shipped, fresh = (onnx.load(folder / f"{name}.onnx", load_external_data=False) for folder in (GRAPHS, made))
    kinds = [Counter(node.op_type for node in graph.graph.node) for graph in (shipped, fresh)]
    assert kinds[0] == kinds[1], "a network changed: run 'evanyseg-train graphs'"


@pytest.mark.parametrize("name", NAMES)
def test_graphs_are_small_without_weights_and_of_plain_operators(name: str) -> None:
    path = GRAPHS / f"{name}.onnx"
    assert path.stat().st_size < 200e3
    graph = onnx.load(path, load_external_data=False)
    assert [(o.domain, o.version) for o in graph.opset_import] == [("", OPSET)]
    assert {node.domain for node in graph.graph.node} == {""}
    inside = [t for t in graph.graph.initializer if t.data_location != onnx.TensorProto.EXTERNAL]
    assert sum(int(np.prod(t.dims)) for t in inside) < 2000
    outside = {t.name: list(t.dims) for t in graph.graph.initializer if t not in inside}
    assert outside == json.loads(path.with_suffix(".graph.json").read_text())["weights"]


def test_a_fresh_graph_and_the_torch_network_agree(made: Path) -> None:
    state = unpacked(read_arrays(WEIGHTS)[0])
    graph, network = OnnxSegmenterNet(state, made), load(None, "cpu", "torch").net
    canvas = np.random.default_rng(0).normal(size=(3, 256, 256)).astype(np.float32)
    coords, labels = prompt_tokens(Crop(0, 0, 256, 256), None, [])
    coords[0, :2], labels[0, :2] = ((40, 50), (120, 190)), (2, 3)
    hint = np.random.default_rng(1).normal(size=(128, 128)).astype(np.float32)
    features = graph.encode(canvas, never_cancel), network.encode(canvas, never_cancel)
    for hinted in (None, hint):
        found = graph.decode(features[0], coords, labels, hinted, never_cancel)
        expected = network.decode(features[1], coords, labels, hinted, never_cancel)
        for mine, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-4)


def test_pack_stores_a_file_in_bytes_and_keeps_the_rest(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    from evanyseg.quality.builtin import BUILTIN
    from evanyseg.quality.estimator_file import EstimatorParts

    stored, metadata = read_arrays(BUILTIN)
    parts = EstimatorParts.of(stored)
    plain = {**unpacked(parts.network), **{k: v for k, v in stored.items() if k not in parts.network}}
    save_file(plain, tmp_path / "plain.safetensors", metadata=metadata)
    done = CliRunner().invoke(
        app, ["pack", str(tmp_path / "plain.safetensors"), str(tmp_path / "out" / "packed.safetensors")]
    )
    assert done.exit_code == 0, done.output
    again = load_file(tmp_path / "out" / "packed.safetensors")
    expected = parts.tensors()  # in the names of now, whatever the shipped file's are
    assert (
        again.keys() == expected.keys() == {*packed(unpacked(parts.network)), *(expected.keys() - parts.network.keys())}
    )
    for name, array in expected.items():
        np.testing.assert_array_equal(again[name], array, err_msg=name)
    assert read_arrays(tmp_path / "out" / "packed.safetensors")[1] == metadata
