"""The built-in segmenter: embed once and prompt many, crops for small boxes, refinement, refusals, shipped weights."""

from __future__ import annotations

import numpy as np
import pytest

from doubles.small_segmenter import image, segmenter
from evanyseg.errors import CancelledError, ImageError, PromptError
from evanyseg.nets import interrupt
from evanyseg.prompts import BoxPrompt, PointPrompt
from evanyseg.protocols import Segmenter
from evanyseg.segmenters.builtin import BuiltinSegmenter
from evanyseg.segmenters.canvas import OUTSIDE
from evanyseg.segmenters.crops import crop_for, full_crop

__all__ = ["image", "segmenter"]  # fixtures


def counting(segmenter: BuiltinSegmenter, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Shapes of the pixels that go through the encoder from now on."""
    seen: list[tuple[int, ...]] = []
    encode = segmenter.features
    monkeypatch.setattr(
        segmenter, "features", lambda pixels, cancel: (seen.append(pixels.shape), encode(pixels, cancel))[1]
    )
    return seen


def test_it_is_a_segmenter(segmenter: BuiltinSegmenter) -> None:
    assert isinstance(segmenter, Segmenter)
    assert segmenter.supports_boxes
    assert segmenter.supports_points


def test_answers_have_four_masks_at_image_resolution(segmenter: BuiltinSegmenter, image: np.ndarray) -> None:
    found = segmenter.segment(segmenter.embed(image), BoxPrompt(150, 60, 270, 140))
    assert found.logits.shape == (4, 200, 320)
    assert found.logits.dtype == np.float32
    assert found.low_resolution_logits.shape == (4, 128, 128)
    assert found.predicted_iou.shape == found.stability.shape == (4,)
    assert ((found.predicted_iou >= 0) & (found.predicted_iou <= 1)).all()


def test_stability_is_the_iou_of_masks_a_logit_apart(segmenter: BuiltinSegmenter, image: np.ndarray) -> None:
    found = segmenter.segment(segmenter.embed(image), BoxPrompt(150, 60, 270, 140))
    inner, outer = found.logits > 1, found.logits > -1
    assert found.stability == pytest.approx(inner.sum((1, 2)) / np.maximum(outer.sum((1, 2)), 1), abs=1e-6)


def test_one_embedding_answers_many_prompts_as_fresh_ones_do(
    segmenter: BuiltinSegmenter, image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes = [BoxPrompt(150, 60, 270, 140), BoxPrompt(100, 20, 300, 190), BoxPrompt(0, 0, 320, 200)]
    encoded = counting(segmenter, monkeypatch)
    shared = segmenter.embed(image)
    together = [segmenter.segment(shared, box).logits for box in boxes]
    assert encoded == [(200, 320, 3)]
    for box, logits in zip(boxes, together, strict=True):
        np.testing.assert_array_equal(segmenter.segment(segmenter.embed(image), box).logits, logits)


def test_small_boxes_get_a_crop_made_once_and_shared_by_neighbors(
    segmenter: BuiltinSegmenter, image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = counting(segmenter, monkeypatch)
    embedding = segmenter.embed(image)
    assert encoded == [(200, 320, 3)]  # no crop before it is asked for
    small = segmenter.segment(embedding, BoxPrompt(28, 38, 52, 62))
    assert len(encoded) == 2
    assert max(encoded[1][:2]) < 100
    segmenter.segment(embedding, BoxPrompt(29, 38, 52, 62))
    assert len(encoded) == 2
    again = segmenter.segment(embedding, BoxPrompt(28, 38, 52, 62))
    np.testing.assert_array_equal(again.logits, small.logits)


def test_what_a_crop_does_not_show_is_not_the_object(segmenter: BuiltinSegmenter, image: np.ndarray) -> None:
    box = BoxPrompt(28, 38, 52, 62)
    found = segmenter.segment(segmenter.embed(image), box)
    crop = crop_for(image.shape, box)
    outside = np.ones(image.shape[:2], bool)
    outside[crop.y0 : crop.y1, crop.x0 : crop.x1] = False
    assert outside.any()
    assert (found.logits[:, outside] == OUTSIDE).all()


def test_an_embedding_keeps_a_bounded_number_of_crops(segmenter: BuiltinSegmenter, image: np.ndarray) -> None:
    embedding = segmenter.embed(image)
    for x in range(10, 290, 14):
        segmenter.segment(embedding, BoxPrompt(x, 40, x + 14, 54))
    crops = embedding.features.crops
    assert len(crops) <= 9
    assert full_crop(image.shape) in crops
    held = sum(f.nbytes for f in crops.values()) + embedding.features.image.nbytes
    assert held <= embedding.nbytes


def test_points_change_the_answer_and_their_sign_matters(segmenter: BuiltinSegmenter, image: np.ndarray) -> None:
    embedding = segmenter.embed(image)
    box = BoxPrompt(150, 60, 270, 140)
    plain = segmenter.segment(embedding, box).logits
    inside = segmenter.segment(embedding, box, [PointPrompt(210, 100)]).logits
    removed = segmenter.segment(embedding, box, [PointPrompt(210, 100, False)]).logits
    assert not np.allclose(plain, inside)
    assert not np.allclose(inside, removed)


def test_points_alone_and_more_points_than_in_training_are_answered(
    segmenter: BuiltinSegmenter, image: np.ndarray
) -> None:
    embedding = segmenter.embed(image)
    points = [PointPrompt(200 + k, 100, k % 2 == 0) for k in range(6)]
    assert segmenter.segment(embedding, None, points).logits.shape == (4, 200, 320)


def test_a_point_far_from_a_small_box_is_kept_in_the_crop(segmenter: BuiltinSegmenter, image: np.ndarray) -> None:
    embedding = segmenter.embed(image)
    far = segmenter.segment(embedding, BoxPrompt(28, 38, 52, 62), [PointPrompt(300, 180, False)])
    assert (far.logits != OUTSIDE).all()  # answered on the whole image, which shows both


def test_previous_logits_refine_the_answer(segmenter: BuiltinSegmenter, image: np.ndarray) -> None:
    embedding = segmenter.embed(image)
    box = BoxPrompt(150, 60, 270, 140)
    first = segmenter.segment(embedding, box)
    second = segmenter.segment(embedding, box, [PointPrompt(210, 100)], first.low_resolution_logits[0])
    assert not np.allclose(second.logits, segmenter.segment(embedding, box, [PointPrompt(210, 100)]).logits)


def test_a_click_refines_a_small_object_in_its_own_crop(
    segmenter: BuiltinSegmenter, image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedding = segmenter.embed(image)
    first = segmenter.segment(embedding, BoxPrompt(28, 38, 52, 62))
    encoded = counting(segmenter, monkeypatch)
    second = segmenter.segment(embedding, None, [PointPrompt(40, 50)], first.low_resolution_logits[0])
    assert encoded == []
    assert (second.logits[0] == OUTSIDE).any()  # still in the crop, not on the whole image


def test_previous_logits_of_a_crop_are_moved_to_another_crop(segmenter: BuiltinSegmenter, image: np.ndarray) -> None:
    embedding = segmenter.embed(image)
    first = segmenter.segment(embedding, BoxPrompt(28, 38, 52, 62))
    wide = BoxPrompt(10, 10, 200, 190)
    moved = segmenter.segment(embedding, wide, mask_input=first.low_resolution_logits[0])
    assert np.isfinite(moved.logits).all()
    assert not np.allclose(moved.logits, segmenter.segment(embedding, wide).logits)


def test_the_image_may_change_after_it_was_embedded(segmenter: BuiltinSegmenter, image: np.ndarray) -> None:
    mine = image.copy()
    embedding = segmenter.embed(mine)
    mine[:] = 0
    box = BoxPrompt(28, 38, 52, 62)
    np.testing.assert_array_equal(
        segmenter.segment(embedding, box).logits, segmenter.segment(segmenter.embed(image), box).logits
    )


@pytest.mark.parametrize("shape", [(2, 2), (3, 600), (600, 3), (31, 17), (700, 500)])
def test_odd_image_shapes_are_answered(segmenter: BuiltinSegmenter, shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(1).integers(0, 255, (*shape, 3), dtype=np.uint8)
    found = segmenter.segment(segmenter.embed(picture), BoxPrompt(0, 0, shape[1], shape[0]))
    assert found.logits.shape == (4, *shape)
    assert np.isfinite(found.logits).all()


def test_a_constant_image_is_answered(segmenter: BuiltinSegmenter) -> None:
    found = segmenter.segment(segmenter.embed(np.full((64, 64, 3), 7, np.uint8)), BoxPrompt(8, 8, 50, 50))
    assert np.isfinite(found.logits).all()


@pytest.mark.parametrize("bad", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3)), np.zeros((1, 8, 3), np.uint8)])
def test_arrays_that_are_no_images_are_refused(segmenter: BuiltinSegmenter, bad: np.ndarray) -> None:
    with pytest.raises(ImageError):
        segmenter.embed(bad)


@pytest.mark.parametrize("box", [(400, 0, 500, 50), (50, 50, 20, 80), (10, 10, 11, 11), (np.nan, 0, 9, 9)])
def test_boxes_that_cannot_be_used_are_refused(segmenter: BuiltinSegmenter, image: np.ndarray, box: tuple) -> None:
    with pytest.raises(PromptError):
        segmenter.segment(segmenter.embed(image), BoxPrompt(*box))


def test_no_prompt_is_refused(segmenter: BuiltinSegmenter, image: np.ndarray) -> None:
    with pytest.raises(PromptError, match="needs a prompt"):
        segmenter.segment(segmenter.embed(image))


def test_an_embedding_of_another_segmenter_is_refused(segmenter: BuiltinSegmenter, image: np.ndarray) -> None:
    other = BuiltinSegmenter(segmenter.net, name="other")
    with pytest.raises(PromptError, match="other"):
        segmenter.segment(other.embed(image), BoxPrompt(0, 0, 99, 99))


def test_cancelling_stops_before_and_inside_the_encoder(segmenter: BuiltinSegmenter, image: np.ndarray) -> None:
    with pytest.raises(CancelledError):
        segmenter.embed(image, lambda: True)
    asked = []
    with pytest.raises(CancelledError):
        segmenter.embed(image, lambda: asked.append(1) or len(asked) > 2)  # true only once the network runs
    with pytest.raises(CancelledError):
        segmenter.segment(segmenter.embed(image), BoxPrompt(28, 38, 52, 62), should_cancel=lambda: True)


def test_cancelling_ends_when_it_is_next_asked_for(
    segmenter: BuiltinSegmenter, image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could be asked for before every torch call, and is every `POLL_SECONDS`; how soon that takes effect is in
    `dev.py bench responsive`."""
    assert interrupt.POLL_SECONDS <= 0.1
    monkeypatch.setattr(interrupt, "POLL_SECONDS", 0.0)
    asked: list[int] = []
    segmenter.embed(image, lambda: bool(asked.append(1)))
    whole = len(asked)
    assert whole >= 50
    for wanted in (1, 2, whole // 2, whole - 1):
        asked.clear()
        with pytest.raises(CancelledError):
            segmenter.embed(image, lambda n=wanted: asked.append(1) or len(asked) >= n)
        assert len(asked) == wanted
