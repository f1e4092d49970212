"""The built-in models on onnxruntime: the same numbers as on torch, cancelling, few passive threads, refusals."""

from __future__ import annotations

import json
import subprocess
import sys
import threading

import numpy as np
import onnxruntime
import pytest

from doubles.small_segmenter import image
from engine.estimator_files import BOX, SHAPE, disc, picture, write_estimator
from evanyseg import models
from evanyseg.errors import CancelledError, DeviceError, MissingPackageError, WeightsError
from evanyseg.nets.builtin import onnx_session
from evanyseg.nets.builtin.onnx_session import GraphFile
from evanyseg.prompts import BoxPrompt, PointPrompt
from evanyseg.protocols import QualityEstimator, Segmenter
from evanyseg.quality.builtin import BUILTIN, GRAPHS
from evanyseg.quality.builtin import load as load_estimator
from evanyseg.quality.cases import CaseImage, prepare
from evanyseg.quality.context import stacked
from evanyseg.results import QualityCase
from evanyseg.segmenters.builtin import BuiltinSegmenter
from evanyseg.segmenters.builtin import load as load_segmenter

__all__ = ["image"]  # a fixture
LARGE, SMALL = BoxPrompt(150, 60, 270, 140), BoxPrompt(28, 38, 52, 62)
CLICKS = [PointPrompt(210.5, 100.5, True)] + [PointPrompt(160.5 + k, 70.5, k % 2 == 0) for k in range(5)]


@pytest.fixture(scope="module")
def estimators():
    return {backend: load_estimator(None, "cpu", backend) for backend in ("onnx", "torch")}


@pytest.fixture(scope="module")
def segmenters() -> dict[str, BuiltinSegmenter]:
    return {backend: load_segmenter(None, "cpu", backend) for backend in ("onnx", "torch")}


def inputs(count: int) -> dict[str, np.ndarray]:
    """What a network is shown of `count` masks of several sizes, with and without a box."""
    seen = []
    for k in range(count):
        mask = np.roll(disc(radius=8 + 3 * (k % 5)), 4 * (k % 3), 1)
        case = QualityCase(picture(disc(), k), mask, BOX if k % 2 else None)
        seen.append(prepare(case, CaseImage.of(case.image), 96, (1.75, 1.5)).seen)
    return stacked([s for s in seen if s is not None])


def test_they_follow_the_protocols_and_say_what_runs_them(estimators, segmenters) -> None:
    for backend in ("onnx", "torch"):
        assert isinstance(estimators[backend], QualityEstimator)
        assert isinstance(segmenters[backend], Segmenter)
        assert estimators[backend].backend == segmenters[backend].backend == backend
        assert estimators[backend].device == segmenters[backend].device == "cpu"


@pytest.mark.parametrize("count", [1, 3, 16, 19])
def test_the_estimators_outputs_are_torchs(estimators, count: int) -> None:
    found, expected = (estimators[b].net.run(inputs(count)) for b in ("onnx", "torch"))
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name].shape == values.shape
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], values, atol=1e-4, err_msg=name)


def test_estimates_are_torchs(estimators) -> None:
    masks = np.stack([np.roll(disc(), shift, 1) for shift in range(0, 24, 4)] + [np.zeros(SHAPE, bool)])
    both = [estimators[b].estimate(picture(disc()), masks, [BOX] * 7, maps=True) for b in ("onnx", "torch")]
    for found, expected in zip(*both, strict=True):
        assert (found.dice, found.low, found.high) == pytest.approx(
            (expected.dice, expected.low, expected.high), abs=1e-4
        )
        assert found.caveats == expected.caveats
        np.testing.assert_allclose(found.false_positive, expected.false_positive, atol=1e-4)


@pytest.mark.parametrize(
    ("box", "points"),
    [(LARGE, []), (LARGE, CLICKS), (SMALL, []), (SMALL, CLICKS[:1]), (None, CLICKS[:1]), (None, CLICKS)],
)
def test_the_segmenters_outputs_are_torchs(segmenters, image: np.ndarray, box, points) -> None:
    answers = {}
    for backend, segmenter in segmenters.items():
        embedding = segmenter.embed(image)
        first = segmenter.segment(embedding, box, points)
        again = segmenter.segment(embedding, box, [*points, CLICKS[0]], first.low_resolution_logits[0])
        answers[backend] = (first, again)
    for found, expected in zip(answers["onnx"], answers["torch"], strict=True):
        np.testing.assert_allclose(found.low_resolution_logits, expected.low_resolution_logits, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(found.predicted_iou, expected.predicted_iou, atol=1e-4)
        assert (found.masks != expected.masks).mean() < 1e-4


@pytest.mark.parametrize(("made", "asked"), [("onnx", "torch"), ("torch", "onnx")])
def test_an_embedding_answers_on_the_other_backend(segmenters, image: np.ndarray, made: str, asked: str) -> None:
    mixed = segmenters[asked].segment(segmenters[made].embed(image), LARGE)
    plain = segmenters[asked].segment(segmenters[asked].embed(image), LARGE)
    np.testing.assert_allclose(mixed.logits, plain.logits, atol=1e-3)


def test_an_embeddings_size_is_the_same_on_both(segmenters, image: np.ndarray) -> None:
    assert segmenters["onnx"].embed(image).nbytes == segmenters["torch"].embed(image).nbytes


def test_batches_do_not_matter(estimators) -> None:
    together, alone = estimators["onnx"].net.run(inputs(19)), inputs(19)
    for k in range(0, 19, 6):
        one = estimators["onnx"].net.run({name: array[k : k + 1] for name, array in alone.items()})
        assert one["dice"][0] == pytest.approx(together["dice"][k], abs=1e-5)


def test_cancelling_before_and_inside(estimators, segmenters, image: np.ndarray) -> None:
    estimator, segmenter = estimators["onnx"], segmenters["onnx"]
    with pytest.raises(CancelledError):
        segmenter.embed(image, lambda: True)
    many = inputs(16)
    asked: list[int] = []
    with pytest.raises(CancelledError):
        estimator.net.run(many, lambda: asked.append(1) or len(asked) > 1)  # true only once the network runs
    with pytest.raises(CancelledError):
        segmenter.segment(segmenter.embed(image), SMALL, should_cancel=lambda: True)
    assert estimator.net.run(many, lambda: False)["dice"].shape == (16,)


def test_cancelling_in_the_middle_ends_the_run(estimators) -> None:
    """From another thread, as a person cancels; how soon it takes effect is measured by `dev.py bench responsive`."""
    flag, running, ended, many = threading.Event(), threading.Event(), [], inputs(16)

    def work() -> None:
        try:
            while True:
                estimators["onnx"].net.run(many, lambda: running.set() or flag.is_set())
        except CancelledError:
            ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    assert running.wait(60)
    flag.set()
    thread.join(60)
    assert ended == [True]


def test_a_run_ends_when_asking_fails(estimators) -> None:
    calls: list[int] = []

    def fails() -> bool:
        calls.append(1)
        if len(calls) > 1:
            raise ZeroDivisionError
        return False

    with pytest.raises(ZeroDivisionError):
        estimators["onnx"].net.run(inputs(16), fails)


def test_threads_are_few_and_wait_passively(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    class Recorded(onnxruntime.SessionOptions):
        def __init__(self) -> None:
            super().__init__()
            self.entries: dict[str, str] = {}
            made.append(self)

        def add_session_config_entry(self, name: str, value: str) -> None:
            self.entries[name] = value
            super().add_session_config_entry(name, value)

    monkeypatch.setattr(onnxruntime, "SessionOptions", Recorded)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    load_estimator(None, "cpu", "onnx")
    (options,) = made
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (3, 1)
    assert options.entries["session.intra_op.allow_spinning"] == "0"


def test_the_models_run_where_torch_cannot_be_imported() -> None:
    code = """
import json, sys
for name in ("torch", "torchvision", "timm", "segment_anything"): sys.modules[name] = None
import numpy as np
from evanyseg import models
from evanyseg.prompts import BoxPrompt
image = np.random.default_rng(0).integers(0, 255, (80, 100, 3), dtype=np.uint8)
segmenter, estimator = models.segmenters.create("builtin"), models.estimators.create("builtin")
box = BoxPrompt(20, 20, 70, 60)
found = segmenter.segment(segmenter.embed(image), box)
scored = estimator.estimate(image, found.masks, [box] * 4, maps=True)
print(json.dumps([segmenter.backend, estimator.backend, len(scored)]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["onnx", "onnx", 4]
    assert done.stderr == ""


def test_choices_that_cannot_be_are_refused(tmp_path) -> None:
    with pytest.raises(DeviceError, match="Unknown backend 'tensorrt'"):
        load_estimator(None, "cpu", "tensorrt")
    with pytest.raises(DeviceError, match="'sam-vit-b' runs on torch, not on onnx"):
        models.segmenters.create("sam-vit-b", "cpu", "onnx")
    with pytest.raises(DeviceError, match="onnx runs on the CPU"):
        load_segmenter(None, "cuda", "onnx")
    other = write_estimator(tmp_path)
    with pytest.raises(WeightsError, match="other sizes than the graph"):
        load_estimator(other, "cpu", "onnx")
    assert load_estimator(other, "cpu").backend == "torch"  # other sizes run on torch unasked


def test_without_onnxruntime_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingPackageError, match="pip install onnxruntime"):
        load_estimator(None, "cpu", "onnx")


def test_weights_of_something_else_are_refused(tmp_path) -> None:
    from safetensors.numpy import load_file, save_file

    stored = load_file(BUILTIN)
    stored["norm.weight"] = stored["norm.weight"][:-1]
    save_file(stored, tmp_path / "estimator.safetensors")
    (tmp_path / "estimator.json").write_bytes(BUILTIN.with_suffix(".json").read_bytes())
    with pytest.raises(WeightsError, match=r"another shape \(norm.weight \[159\] instead of \[160\]"):
        load_estimator(tmp_path / "estimator.safetensors", "cpu", "onnx")


@pytest.mark.parametrize("harm", ["missing", "no description", "cut"])
def test_damaged_graphs_are_refused_in_one_sentence(tmp_path, harm: str) -> None:
    for name in ("estimator.onnx", "estimator.graph.json"):
        (tmp_path / name).write_bytes((GRAPHS / name).read_bytes())
    graph = tmp_path / "estimator.onnx"
    if harm == "missing":
        graph.unlink()
    elif harm == "no description":
        (tmp_path / "estimator.graph.json").write_text("{")
    else:
        graph.write_bytes(graph.read_bytes()[:5000])

    def opened() -> None:
        file = GraphFile.read(graph)
        weights = {name: np.zeros(shape, np.float32) for name, shape in file.weights.items()}
        onnx_session.Graph(file, weights, "the built-in estimator")

    with pytest.raises(WeightsError):
        opened()
