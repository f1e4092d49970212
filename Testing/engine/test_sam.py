"""SAM through EvanySeg against `segment_anything`'s own SamPredictor, same random weights."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from segment_anything import SamPredictor

from engine.sam_originals import SMALL, VIT_B, VIT_H, original_sam, scene
from evanyseg.errors import CancelledError, ImageError, PromptError, WeightsError
from evanyseg.nets import interrupt
from evanyseg.prompts import BoxPrompt, PointPrompt
from evanyseg.protocols import Segmenter
from evanyseg.segmenters import sam

SHAPES = [(90, 150), (150, 90), (256, 256), (400, 333)]


@pytest.fixture(scope="module")
def original():
    return original_sam(**SMALL)


@pytest.fixture(scope="module")
def segmenter(original):
    return sam.from_state(original.state_dict(), "cpu")


def assert_equal_to_predictor(original, segmenter, image, box=None, points=(), mask_input=None, atol=1e-4):
    predictor = SamPredictor(original)
    predictor.set_image(image)
    prompts = {
        "box": np.array(box.as_tuple()) if box else None,
        "point_coords": np.array([[p.x - 0.5, p.y - 0.5] for p in points]) if points else None,
        "point_labels": np.array([int(p.positive) for p in points]) if points else None,
        "mask_input": mask_input[None] if mask_input is not None else None,
    }
    single = predictor.predict(**prompts, multimask_output=False, return_logits=True)
    several = predictor.predict(**prompts, multimask_output=True, return_logits=True)
    found = segmenter.segment(segmenter.embed(image), box, points, mask_input)
    for ours, *theirs in zip(
        (found.logits, found.predicted_iou, found.low_resolution_logits), single, several, strict=True
    ):
        np.testing.assert_allclose(ours, np.concatenate(theirs), atol=atol, rtol=0)
    sure = np.abs(found.logits) > atol
    masks = np.concatenate([single[0], several[0]]) > 0
    assert (found.masks == masks)[sure].all()
    assert found.logits.shape == (4, *image.shape[:2])
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_boxes_give_the_predictors_masks_logits_and_iou(original, segmenter, shape):
    image, (height, width) = scene(*shape), shape
    for box in (
        BoxPrompt(10, 12, 60, 70),
        BoxPrompt(0, 0, width, height),
        BoxPrompt(width - 33.5, height - 20.25, width, height),
    ):
        found = assert_equal_to_predictor(original, segmenter, image, box)
        assert found.logits.std() > 0.01  # random weights, but not a constant answer


def test_points_boxes_and_earlier_logits_together(original, segmenter):
    image = scene(120, 200)
    points = (PointPrompt(40.5, 50.5), PointPrompt(150.5, 20.5, positive=False))
    first = assert_equal_to_predictor(original, segmenter, image, points=points[:1])
    assert_equal_to_predictor(original, segmenter, image, points=points)
    assert_equal_to_predictor(original, segmenter, image, BoxPrompt(5, 5, 90, 100), points)
    assert_equal_to_predictor(
        original, segmenter, image, BoxPrompt(5, 5, 90, 100), points, first.low_resolution_logits[2]
    )


def test_half_precision_weights_are_widened_on_load(original):
    state = {k: v.half() for k, v in original.state_dict().items()}
    segmenter = sam.from_state(state, "cpu")
    assert {p.dtype for p in segmenter.net.parameters()} == {torch.float32}
    widened = original_sam(**SMALL)
    widened.load_state_dict({k: v.float() for k, v in state.items()})
    assert_equal_to_predictor(widened, segmenter, scene(80, 100), BoxPrompt(10, 10, 60, 60))


def test_attention_in_slices_equals_attention_at_once(original, segmenter, monkeypatch):
    from evanyseg.nets import sam_encoder

    image = scene(100, 100)
    whole = segmenter.embed(image).features
    monkeypatch.setattr(sam_encoder, "MAX_BIAS_ELEMENTS", 1)
    torch.testing.assert_close(segmenter.embed(image).features, whole, atol=1e-5, rtol=0)


def test_it_is_a_segmenter_and_counts_314_tensors(segmenter):
    assert isinstance(segmenter, Segmenter)
    assert segmenter.supports_points
    assert segmenter.supports_boxes
    assert len(original_sam(**{**SMALL, "depth": 12}).state_dict()) == 314
    embedding = segmenter.embed(scene(60, 80))
    assert embedding.shape == (60, 80)
    assert embedding.nbytes == 256 * 16 * 16 * 4


def test_stability_is_the_iou_of_the_masks_at_plus_and_minus_one(segmenter):
    from segment_anything.utils.amg import calculate_stability_score

    found = segmenter.segment(segmenter.embed(scene(90, 110)), BoxPrompt(10, 10, 70, 60))
    expected = calculate_stability_score(torch.from_numpy(found.logits * 20), 0.0, 1.0)
    from evanyseg.segmenters.prompted import stability

    np.testing.assert_allclose(stability(found.logits * 20), expected, atol=1e-6)
    assert stability(np.full((2, 4, 4), -9.0)).tolist() == [0.0, 0.0]


def test_wrong_images_and_prompts_are_refused_in_words(segmenter):
    embedding = segmenter.embed(scene(60, 80))
    for image in (np.zeros((5, 5), np.uint8), np.zeros((5, 5, 3)), np.zeros((5, 1, 3), np.uint8)):
        with pytest.raises(ImageError):
            segmenter.embed(image)
    for box, points, mask_input, words in (
        (None, (), None, "needs a prompt"),
        (BoxPrompt(90, 0, 120, 30), (), None, "outside the image"),
        (None, (PointPrompt(81, 2),), None, "outside the image"),
        (BoxPrompt(1, 1, 30, 30), (), np.zeros((7, 7), np.float32), r"\[64, 64\]"),
    ):
        with pytest.raises(PromptError, match=words):
            segmenter.segment(embedding, box, points, mask_input)


def test_an_embedding_of_another_segmenter_is_refused(segmenter, original):
    other = sam.from_state(original.state_dict(), "cpu", "sam-vit-l")
    with pytest.raises(PromptError, match="embed the image again"):
        other.segment(segmenter.embed(scene(40, 40)), BoxPrompt(1, 1, 30, 30))


def test_missing_and_unexpected_keys_are_listed_with_their_counts(original):
    state = {k: v for k, v in original.state_dict().items() if not k.startswith("mask_decoder.transformer.layers.1")}
    state |= {f"extra.{i}": torch.zeros(1) for i in range(13)}
    with pytest.raises(WeightsError) as told:
        sam.from_state(state, "cpu")
    text = str(told.value)
    assert "13 unexpected (extra.0, " in text
    assert "extra.9, ... and 3 more" in text
    assert "extra.10" not in text
    with pytest.raises(WeightsError, match=r"image_encoder\.pos_embed"):
        sam.from_state({"a": torch.zeros(1)}, "cpu")


def test_a_tensor_of_another_shape_is_named(original):
    state = dict(original.state_dict())
    state["mask_decoder.iou_prediction_head.layers.2.bias"] = torch.zeros(9)
    with pytest.raises(
        WeightsError, match=r"1 of another shape \(mask_decoder.iou_prediction_head.layers.2.bias \[9\]"
    ):
        sam.from_state(state, "cpu")


def test_cancelling_before_and_inside_the_encoder(segmenter):
    image = scene(60, 80)
    with pytest.raises(CancelledError):
        segmenter.embed(image, lambda: True)
    asked = []

    def after_the_first_look() -> bool:
        asked.append(time.monotonic())
        return len(asked) > 2

    with pytest.raises(CancelledError):
        segmenter.embed(image, after_the_first_look)
    assert len(asked) == 3
    assert segmenter.embed(image).features.isfinite().all()  # and it works again afterwards


@pytest.mark.slow
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("sizes", [VIT_B, VIT_H], ids=["vit-b", "vit-h"])
def test_full_size_equals_the_predictor(sizes):
    original = original_sam(**sizes)
    segmenter = sam.from_state(original.state_dict(), "cpu")
    image = scene(300, 420)
    assert_equal_to_predictor(original, segmenter, image, BoxPrompt(60, 50, 300, 260))


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_cancelling_full_size_vit_b_is_asked_for_often(monkeypatch):
    """So often that on two slow cores (20 s an image) no pause between two torch calls is half a second."""
    monkeypatch.setattr(interrupt, "POLL_SECONDS", 0.0)
    segmenter = sam.from_state(original_sam(**VIT_B).state_dict(), "cpu")
    image = scene(300, 420)
    asked: list[int] = []
    segmenter.embed(image, lambda: bool(asked.append(1)))
    assert len(asked) >= 400
    with pytest.raises(CancelledError):
        segmenter.embed(image, lambda: asked.append(0) or len(asked) >= 60)
