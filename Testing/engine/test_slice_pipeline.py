"""The main job on one slice and along a stack, with stand-ins for the networks."""

from __future__ import annotations

import math

import numpy as np
import pytest

from doubles import BrightEstimator, BrightSegmenter
from engine import phantom
from evanyseg.errors import CancelledError, EvanySegError, PromptError
from evanyseg.pipeline.embedding_cache import EmbeddingCache
from evanyseg.pipeline.intensity import IntensityWindow
from evanyseg.pipeline.slice_pipeline import SliceInput, SlicePipeline, best_of
from evanyseg.prompts import BoxPrompt, PointPrompt
from evanyseg.results import Caveat, QualityEstimate

WINDOW = IntensityWindow(0, 255, "fixed")
BOX = BoxPrompt(2, 2, 78, 58)


def slice_(spacing: tuple[float, float] = (1.0, 1.0), key: object = None) -> tuple[SliceInput, np.ndarray]:
    pixels, mask = phantom.picture()
    return SliceInput(pixels, WINDOW, spacing, key), mask


def pipeline(segmenter: BrightSegmenter | None = None) -> SlicePipeline:
    return SlicePipeline(BrightEstimator(), segmenter or BrightSegmenter())


def test_the_candidate_with_the_best_predicted_dice_is_chosen() -> None:
    image, mask = slice_()
    result = pipeline().segment(image, BOX)
    assert result.chosen == 0  # the segmenter itself preferred the second
    assert result.candidates.best == 1
    assert np.array_equal(result.mask, mask)
    assert result.estimate.dice == max(e.dice for e in result.estimates) == 1.0
    assert result.box == BOX


@pytest.mark.parametrize("spacing", [(2.0, 1.0), (1.0, 2.5)])
def test_thick_pixels_give_masks_maps_and_boxes_in_the_slices_own_pixels(spacing: tuple[float, float]) -> None:
    image, mask = slice_(spacing)
    result = pipeline().segment(image, BOX, maps=True)
    assert result.masks.shape == (3, *mask.shape)
    assert np.mean(result.mask == mask) > 0.99
    assert result.estimate.false_positive.shape == mask.shape
    assert result.estimate.false_negative.dtype == np.float32
    assert result.box == BOX


def test_maps_are_made_for_the_chosen_mask_alone() -> None:
    result = pipeline().segment(slice_()[0], BOX, maps=True)
    assert [e.false_positive is not None for e in result.estimates] == [True, False, False]


def test_a_slice_is_embedded_once_for_many_boxes() -> None:
    segmenter = BrightSegmenter()
    work = pipeline(segmenter)
    for box in (BOX, BoxPrompt(5, 5, 40, 40), BoxPrompt(0, 0, 80, 60)):
        work.segment(slice_(key="a")[0], box)
    assert segmenter.embedded == 1
    work.segment(slice_(key="b")[0], BOX)
    work.segment(SliceInput(slice_()[0].pixels, IntensityWindow(0, 99, "fixed"), key="a"), BOX)
    assert segmenter.embedded == 3  # another slice, another window
    work.segment(slice_()[0], BOX)
    work.segment(slice_()[0], BOX)
    assert segmenter.embedded == 5  # without a key nothing is kept


def test_prompts_are_checked_before_anything_is_embedded() -> None:
    segmenter = BrightSegmenter()
    with pytest.raises(PromptError):
        pipeline(segmenter).segment(slice_()[0], BoxPrompt(90, 0, 99, 9))
    with pytest.raises(PromptError):
        pipeline(segmenter).segment(slice_()[0], points=[PointPrompt(-1, 0)])
    assert segmenter.embedded == 0


def test_doubts_about_image_and_box_are_carried_by_every_estimate() -> None:
    pixels, _ = phantom.picture()
    spoilt = pixels.astype(np.float32)
    spoilt[0, 0] = np.nan
    result = pipeline().segment(SliceInput(spoilt, WINDOW), BoxPrompt(-9, 2, 78, 58))
    for estimate in result.estimates:
        assert estimate.caveats[:2] == (Caveat.NOT_A_NUMBER, Caveat.BOX_OFF_IMAGE)
    assert result.box == BoxPrompt(0, 2, 78, 58)
    assert pipeline().segment(slice_()[0], BOX).estimate.caveats == ()


def test_without_a_segmenter_scoring_works_and_segmenting_says_why_not() -> None:
    image, mask = slice_()
    work = SlicePipeline(BrightEstimator())
    assert next(work.score([(image, mask, None)])).dice == 1.0
    with pytest.raises(EvanySegError, match="No segmenter is loaded"):
        work.segment(image, BOX)


def test_scoring_is_lazy_ordered_and_batched_across_slices() -> None:
    image, mask = slice_()
    pulled: list[int] = []

    def cases():
        for n in range(20):
            pulled.append(n)
            yield image, np.roll(mask, n, axis=1), None

    stream = SlicePipeline(BrightEstimator(batch=4)).score(cases())
    first = next(stream)
    assert len(pulled) == 4
    rest = [first, *stream]
    assert [e.dice for e in rest] == sorted((e.dice for e in rest), reverse=True)


def test_scoring_maps_of_slices_of_different_shapes() -> None:
    pixels, mask = phantom.picture()
    cases = [
        (SliceInput(pixels, WINDOW, (2.0, 1.0)), mask, None),
        (SliceInput(pixels[:30], WINDOW), mask[:30], BoxPrompt(0, 0, 50, 30)),
        (SliceInput(pixels[:, :50], WINDOW, (1.0, 3.0)), mask[:, :50], None),
    ]
    found = list(SlicePipeline(BrightEstimator(batch=3)).score(cases, maps=True))
    assert [e.false_positive.shape for e in found] == [(60, 80), (30, 80), (60, 50)]


@pytest.mark.parametrize("after", range(3))
def test_cancel_at_each_stage_of_a_segmentation(after: int) -> None:
    calls = iter(range(100))
    with pytest.raises(CancelledError):
        pipeline().segment(slice_(key=None)[0], BOX, should_cancel=lambda: next(calls) >= after)


# ---- propagation -------------------------------------------------------------------------------------------------


def stack(depth: int = 9) -> tuple[np.ndarray, np.ndarray]:
    truth = phantom.ball((depth, 60, 80), 0.3)
    return np.where(truth, 200, 20).astype(np.uint8), truth


def test_a_mask_is_carried_both_ways_until_the_object_ends() -> None:
    array, truth = stack()
    at = lambda i: SliceInput(array[i], WINDOW)
    found = dict(pipeline().propagate(at, 4, truth[4], 9))
    found.update(pipeline().propagate(at, 4, truth[4], -1))
    filled = [int(i) for i in np.flatnonzero(truth.any(axis=(1, 2))) if i != 4]
    assert sorted(found) == filled
    for index, result in found.items():
        assert np.array_equal(result.mask, truth[index])


def test_propagation_ends_where_predicted_quality_falls() -> None:
    array, truth = stack()
    array[6] = 0  # a slice without the object
    at = lambda i: SliceInput(array[i], WINDOW)
    assert [i for i, _ in pipeline().propagate(at, 4, truth[4], 9)] == [5]
    assert [i for i, _ in pipeline().propagate(at, 4, truth[4], 9, stop_below=1.1)] == []
    assert list(pipeline().propagate(at, 4, np.zeros_like(truth[4]), 9)) == []


def test_propagation_can_be_cancelled() -> None:
    array, truth = stack()
    seen: list[int] = []
    walk = pipeline().propagate(
        lambda i: SliceInput(array[i], WINDOW), 4, truth[4], 9, should_cancel=lambda: bool(seen)
    )
    seen.append(next(walk)[0])
    with pytest.raises(CancelledError):
        next(walk)


def test_the_best_of_candidates_puts_unscored_last() -> None:
    made = [QualityEstimate.unscored("e"), QualityEstimate(0.2, 0, 1, 0.9, "e"), QualityEstimate(0.0, 0, 1, 0.9, "e")]
    assert best_of(made) == 1
    assert best_of(made[:1], fallback=7) == 7
    assert best_of(made[::2]) == 1
    assert best_of([]) == 0
    assert math.isnan(made[0].dice)


def test_the_cache_of_a_pipeline_can_be_shared() -> None:
    cache, segmenter = EmbeddingCache(), BrightSegmenter()
    for _ in range(2):
        SlicePipeline(BrightEstimator(), segmenter, cache).embed(slice_(key="a")[0])
    assert segmenter.embedded == 1
    assert len(cache) == 1
