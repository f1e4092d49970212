"""MedSAM against its documented route: square, min-max, sigmoid before the resize, one mask per box."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.sam_originals import SMALL, VIT_B, original_sam, scene
from evanyseg.errors import PromptError, UnsupportedPromptError
from evanyseg.prompts import BoxPrompt, PointPrompt
from evanyseg.segmenters import medsam
from evanyseg.segmenters.preprocess import cubic_square, spline_square


@pytest.fixture(scope="module")
def original():
    return original_sam(**SMALL, seed=3)


@pytest.fixture(scope="module")
def segmenter(original):
    return medsam.from_state(original.state_dict(), "cpu")


@torch.no_grad()
def documented(original, square: np.ndarray, shape, box=None, point=None):
    """(probabilities [H, W], low-resolution logits) from an image already resized to the network's square."""
    side = original.image_encoder.img_size
    height, width = shape
    unit = (square - square.min()) / max(square.max() - square.min(), 1e-8)
    features = original.image_encoder(torch.tensor(unit).float().permute(2, 0, 1)[None])
    boxes = torch.tensor(np.array(box) / [width, height, width, height] * side).float()[None, None] if box else None
    points = None
    if point:
        points = torch.tensor([[[point[0] * side / width, point[1] * side / height]]]).float(), torch.tensor([[1]])
    sparse, dense = original.prompt_encoder(points=points, boxes=boxes, masks=None)
    logits, _ = original.mask_decoder(features, original.prompt_encoder.get_dense_pe(), sparse, dense, False)
    probability = F.interpolate(torch.sigmoid(logits), size=shape, mode="bilinear", align_corners=False)
    return probability[0, 0].numpy(), logits[0, 0].numpy()


def assert_equal_to_documented(original, segmenter, shape, box):
    transform = pytest.importorskip("skimage.transform")
    image = scene(*shape)
    side = original.image_encoder.img_size
    square = transform.resize(image, (side, side), order=3, preserve_range=True, anti_aliasing=True).astype(np.uint8)
    probability, low = documented(original, square, shape, box=box.as_tuple())
    found = segmenter.segment(segmenter.embed(image), box)
    assert found.logits.shape == (1, *shape)
    np.testing.assert_allclose(1 / (1 + np.exp(-found.logits[0].astype(np.float64))), probability, atol=1e-4)
    np.testing.assert_allclose(found.low_resolution_logits[0], low, atol=1e-4)
    sure = np.abs(probability - 0.5) > 1e-5
    assert (found.masks[0] == (probability > 0.5))[sure].all()


@pytest.mark.parametrize("shape", [(90, 150), (150, 90), (256, 256), (520, 310)])
def test_boxes_give_the_documented_probabilities_and_masks(original, segmenter, shape):
    for box in (BoxPrompt(10, 12, 60, 70), BoxPrompt(0, 0, shape[1], shape[0]), BoxPrompt(30.5, 20.25, 88, 85)):
        assert_equal_to_documented(original, segmenter, shape, box)


def test_a_probability_just_above_one_half_is_inside_the_mask():
    from evanyseg.segmenters.preprocess import MinMaxSquare

    logits = torch.tensor([[[[2e-7, -2e-7], [0.0, 3e-7]]]])
    restored = MinMaxSquare().restore(logits, (2, 2), 2)
    np.testing.assert_array_equal(restored > 0, torch.sigmoid(logits[0]) > 0.5)
    assert MinMaxSquare().restore(torch.full((1, 1, 2, 2), 900.0), (3, 3), 2).isfinite().all()


def test_squares_equal_scikit_image_and_opencv():
    transform = pytest.importorskip("skimage.transform")
    cv2 = pytest.importorskip("cv2")
    for shape in ((90, 150), (300, 200), (64, 64)):
        image = scene(*shape, seed=5)
        expected = transform.resize(image, (128, 128), order=3, preserve_range=True, anti_aliasing=True)
        np.testing.assert_array_equal(spline_square(image, 128), expected.astype(np.uint8))
        cubic = cv2.resize(image, (128, 128), interpolation=cv2.INTER_CUBIC)
        assert np.abs(cubic_square(image, 128).astype(int) - cubic).max() <= 1


def test_a_constant_image_is_no_division_by_zero(segmenter):
    image = np.full((50, 70, 3), 9, np.uint8)
    assert segmenter.embed(image).features.isfinite().all()


def test_points_negative_points_and_refinement_are_refused_in_words(segmenter):
    embedding = segmenter.embed(scene(60, 80))
    with pytest.raises(UnsupportedPromptError, match="trained with boxes only"):
        segmenter.segment(embedding, points=[PointPrompt(5, 5)])
    with pytest.raises(UnsupportedPromptError, match="trained with boxes only"):
        segmenter.segment(embedding, BoxPrompt(2, 2, 30, 30), [PointPrompt(5, 5)])
    with pytest.raises(UnsupportedPromptError, match="cannot refine"):
        segmenter.segment(embedding, BoxPrompt(2, 2, 30, 30), mask_input=np.zeros((64, 64), np.float32))
    with pytest.raises(PromptError, match="a box"):
        segmenter.segment(embedding)
    assert not segmenter.supports_points


def test_its_predicted_iou_is_not_a_number_because_that_head_was_never_trained(segmenter):
    found = segmenter.segment(segmenter.embed(scene(60, 80)), BoxPrompt(2, 2, 40, 40))
    assert np.isnan(found.predicted_iou).all()
    assert np.isfinite(found.stability).all()
    assert found.best == 0


def test_the_point_variant_equals_its_notebook(original):
    segmenter = medsam.from_state(original.state_dict(), "cpu", "medsam-point")
    image, side = scene(90, 130), original.image_encoder.img_size
    probability, _ = documented(original, cubic_square(image, side), (90, 130), point=(40, 33))
    found = segmenter.segment(segmenter.embed(image), points=[PointPrompt(40.5, 33.5)])
    np.testing.assert_allclose(1 / (1 + np.exp(-found.logits[0].astype(np.float64))), probability, atol=1e-4)
    embedding = segmenter.embed(image)
    for box, points, words in (
        (BoxPrompt(1, 1, 30, 30), [], "trained with points only"),
        (None, [PointPrompt(5, 5, positive=False)], "never trained with negative points"),
        (None, [PointPrompt(5, 5), PointPrompt(9, 9)], "one point"),
    ):
        with pytest.raises(UnsupportedPromptError, match=words):
            segmenter.segment(embedding, box, points)


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_full_size_equals_the_documented_route():
    original = original_sam(**VIT_B, seed=2)
    assert_equal_to_documented(
        original, medsam.from_state(original.state_dict(), "cpu"), (300, 420), BoxPrompt(60, 50, 300, 260)
    )
