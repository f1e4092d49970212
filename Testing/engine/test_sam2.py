"""SAM 2.1 against the sam2 package's own image predictor, where that package is installed."""

from __future__ import annotations

import time
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from engine.sam_originals import check_next_click, scene
from evanyseg.errors import CancelledError, PromptError, WeightsError
from evanyseg.models.recognize import recognize_shapes
from evanyseg.prompts import BoxPrompt, PointPrompt
from evanyseg.protocols import Segmenter
from evanyseg.segmenters import sam2

needs_sam2 = pytest.mark.skipif(find_spec("sam2") is None, reason="needs the optional package sam2")


def test_without_the_package_the_refusal_says_what_to_install(monkeypatch):
    monkeypatch.setattr(sam2, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match="pip install sam2"):
        sam2.from_state({}, "cpu")


@pytest.fixture(scope="module")
def original():
    from sam2.build_sam import build_sam2

    torch.manual_seed(0)
    net = build_sam2(sam2.CONFIGS["sam2.1-tiny"], ckpt_path=None, device="cpu")
    for tensor in net.parameters():
        if not tensor.abs().max():
            tensor.data.normal_(std=0.1)
    return net


@pytest.fixture(scope="module")
def segmenter(original):
    return sam2.from_state(original.state_dict(), "cpu")


@needs_sam2
def test_masks_logits_and_iou_equal_the_packages_predictor(original, segmenter):
    from sam2.sam2_image_predictor import SAM2ImagePredictor

    image = scene(90, 150)
    predictor = SAM2ImagePredictor(original)
    predictor.set_image(image)
    embedding = segmenter.embed(image)
    mask_input = None
    for box, points in (
        (BoxPrompt(10, 12, 60, 70), ()),
        (None, (PointPrompt(40.5, 50.5), PointPrompt(120.5, 20.5, positive=False))),
        (BoxPrompt(10, 12, 60, 70), (PointPrompt(40.5, 50.5),)),
    ):
        prompts = {
            "box": np.array(box.as_tuple()) if box else None,
            "point_coords": np.array([[p.x - 0.5, p.y - 0.5] for p in points]) if points else None,
            "point_labels": np.array([int(p.positive) for p in points]) if points else None,
            "mask_input": mask_input[None] if mask_input is not None else None,
        }
        answers = [predictor.predict(**prompts, multimask_output=m, return_logits=True) for m in (False, True)]
        found = segmenter.segment(embedding, box, points, mask_input)
        for ours, theirs in zip(
            (found.logits, found.predicted_iou, found.low_resolution_logits), zip(*answers, strict=True), strict=True
        ):
            np.testing.assert_allclose(ours, np.concatenate(theirs), atol=1e-4)
        assert found.logits.shape == (4, 90, 150)
        assert ((found.predicted_iou >= 0) & (found.predicted_iou <= 1)).all()  # through a sigmoid
        mask_input = found.low_resolution_logits[1]
    assert isinstance(segmenter, Segmenter)


@needs_sam2
def test_recognized_by_its_own_tensors_and_strict(original):
    state = original.state_dict()
    assert recognize_shapes({k: tuple(v.shape) for k, v in state.items()}).name == "sam2.1-tiny"
    short = {k: v for k, v in state.items() if k != "no_obj_ptr"}
    with pytest.raises(WeightsError, match=r"1 missing \(no_obj_ptr\)"):
        sam2.from_state(short, "cpu")


@needs_sam2
def test_wrong_prompts_and_cancelling(segmenter):
    embedding = segmenter.embed(scene(60, 80))
    with pytest.raises(PromptError, match="needs a prompt"):
        segmenter.segment(embedding)
    with pytest.raises(PromptError, match=r"\[256, 256\]"):
        segmenter.segment(embedding, BoxPrompt(1, 1, 30, 30), mask_input=np.zeros((7, 7), np.float32))
    asked = time.monotonic() + 0.2
    with pytest.raises(CancelledError):
        segmenter.embed(scene(60, 80), lambda: time.monotonic() > asked)


@needs_sam2
def test_its_alternatives_say_where_the_next_click_goes(segmenter):
    check_next_click(segmenter)
