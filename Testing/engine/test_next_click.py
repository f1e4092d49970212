"""Expected information gain: the paper's number, its bounds, its Monte Carlo, and where the next click goes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sam_originals import SMALL, original_sam, scene
from evanyseg.errors import EvanySegError, ImageError, UnsupportedPromptError
from evanyseg.pipeline import next_click as next_click_module
from evanyseg.pipeline.gain_codes import RIM, RING, STEPS, gain_codes, gain_table, legend_entries
from evanyseg.pipeline.information_gain import LARGEST, information_gain, nested_monte_carlo
from evanyseg.pipeline.intensity import preset_named
from evanyseg.pipeline.next_click import (
    GRID,
    NextClick,
    beliefs_at,
    best_click,
    head_weights,
    next_click,
    suggest_click,
)
from evanyseg.pipeline.slice_pipeline import SliceInput
from evanyseg.prompts import BoxPrompt, PointPrompt
from evanyseg.results import Candidates, Embedding
from evanyseg.segmenters import medsam, sam, sam_med2d
from evanyseg.segmenters.prompted import Capabilities


def test_the_papers_example():
    assert information_gain(np.array([0.95, 0.6, 0.1])) == pytest.approx(0.2893, abs=5e-5)


def test_nested_monte_carlo_approaches_it_from_above():
    """Its bias is the paper's: at 256 outer and 16 inner draws .302 for .2893; the more inner draws the less."""
    theta, rng = np.array([0.95, 0.6, 0.1]), np.random.default_rng(0)
    places = np.repeat(theta[:, None], 400, axis=1)  # the labels of each place are drawn apart
    exact = float(information_gain(theta))
    means = {
        draws: float(np.mean([nested_monte_carlo(places, *draws, rng) for _ in range(10 if draws[0] < 1000 else 2)]))
        for draws in ((256, 16), (4096, 64))
    }
    assert exact < means[4096, 64] < means[256, 16]
    assert means[256, 16] == pytest.approx(0.302, abs=0.004)
    assert means[4096, 64] == pytest.approx(0.293, abs=0.002)


def test_monte_carlo_follows_the_weights_and_survives_heads_that_are_sure():
    rng = np.random.default_rng(1)
    places = np.repeat(np.array([0.9, 0.5, 0.2])[:, None], 500, axis=1)
    weights = np.array([0.7, 0.2, 0.1])
    found = float(nested_monte_carlo(places, 800, 400, rng, weights).mean())
    assert found == pytest.approx(float(information_gain(places[:, 0], weights)), abs=0.01)
    sure = nested_monte_carlo(np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 0.0]]), 50, 4, rng)
    assert np.isfinite(sure).all()
    assert sure[0] == 0
    with pytest.raises(ImageError, match="at least one outer"):
        nested_monte_carlo(places, 0, 4, rng)


def test_weights_say_how_likely_each_head_is():
    theta = np.array([1.0, 0.0, 0.0])
    assert information_gain(theta, np.array([1, 0, 0])) == 0
    assert information_gain(theta, np.array([2.0, 1, 1])) == pytest.approx(math.log(2))
    assert information_gain(theta, np.ones(3)) == pytest.approx(float(information_gain(theta)))
    assert head_weights(np.array([0.9, 0.3, np.nan]), "predicted-iou") == pytest.approx([0.75, 0.25, 0])
    assert head_weights(np.zeros(2), "predicted-iou") == pytest.approx([0.5, 0.5])
    for wrong in ([1, 1], [1, -1, 1], [0, 0, 0], [np.nan, 1, 1]):
        with pytest.raises(ImageError, match="as many weights"):
            information_gain(theta, np.array(wrong, float))
    with pytest.raises(EvanySegError, match="'best' says nothing about mask heads"):
        head_weights(np.ones(3), "best")


@pytest.mark.parametrize("beliefs", [[0.5, 1.2], [-0.1, 0.5], [np.nan, 0.5]])
def test_beliefs_that_are_no_probabilities_are_refused(beliefs):
    with pytest.raises(ImageError, match="between 0 and 1"):
        information_gain(np.array(beliefs))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=6))
def test_it_lies_between_zero_and_ln_2_and_ignores_order_and_the_other_side(beliefs):
    p = np.array(beliefs)
    gain = float(information_gain(p))
    assert 0 <= gain <= math.log(2) + 1e-12
    assert gain == pytest.approx(float(information_gain(p[::-1])), abs=1e-12)
    assert gain == pytest.approx(float(information_gain(1 - p)), abs=1e-9)


def test_certain_disagreement_is_worth_ln_2_and_agreement_nothing():
    assert information_gain(np.array([1.0, 0.0])) == pytest.approx(math.log(2))
    assert information_gain(np.array([0.5, 0.5, 0.5])) == pytest.approx(0)
    with pytest.raises(ImageError, match="at least two"):
        information_gain(np.array([0.4]))


@dataclass
class Points:
    """Stands for any segmenter that takes points."""

    name: str = "any"
    supports_points: bool = True


def candidates(logits: np.ndarray) -> Candidates:
    return Candidates(logits, np.ones(len(logits), np.float32), np.ones(len(logits), np.float32), logits)


def disagreeing_at(x: int, y: int, heads: int = 3) -> np.ndarray:
    logits = np.full((heads, 60, 90), -8.0, np.float32)
    logits[0, y - 2 : y + 3, x - 2 : x + 3] = 8.0
    return logits


def test_it_clicks_where_the_alternatives_disagree_and_nowhere_twice():
    logits = disagreeing_at(70, 20)
    found = next_click(Points(), candidates(logits))
    assert (found.x, found.y) == (70.5, 20.5), "the middle of the place where they disagree"
    assert found.gain == pytest.approx(float(information_gain(1 / (1 + np.exp(-np.array([8.0, -8, -8]))))), abs=1e-9)
    assert found.inside == pytest.approx(1 / 3, abs=1e-3)
    assert not found.positive
    assert found.gains.shape == (60, 90)
    assert found.answered(False) == PointPrompt(found.x, found.y, False)
    again = next_click(Points(), candidates(logits), [found.answered(True)])
    assert max(abs(again.x - found.x), abs(again.y - found.y)) > 90 / (2 * GRID)


def test_the_papers_grid_looks_at_the_centers_of_its_cells():
    logits = disagreeing_at(70, 20)
    found = next_click(Points(), candidates(logits), grid=30)
    assert found.gains.shape == (30, 30)
    assert (found.x % 3, found.y % 2) == (1.5, 1.0)
    assert abs(found.x - 70) <= 3
    assert abs(found.y - 20) <= 3
    again = next_click(Points(), candidates(logits), [found.answered(True)], grid=30)
    assert (again.x, again.y) != (found.x, found.y)


def test_a_wide_place_is_preferred_to_a_thin_one_that_is_as_good():
    logits = np.full((3, 60, 90), -8.0, np.float32)
    logits[0, 5, :] = 8.0
    logits[0, 30:51, 40:61] = 8.0
    found = next_click(Points(), candidates(logits))
    assert (found.x, found.y) == (50.5, 40.5)


def test_where_everything_is_clicked_nothing_is_left():
    with pytest.raises(ImageError, match="no place left"):
        next_click(
            Points(),
            candidates(np.zeros((3, 2, 2), np.float32)),
            [PointPrompt(1, 1)] * 4 + [PointPrompt(x + 0.5, y + 0.5) for x in (0, 1) for y in (0, 1)],
        )


def test_heads_that_say_they_are_bad_count_less_if_so_wished():
    logits = np.full((3, 60, 90), -8.0, np.float32)
    logits[0, 10:20, 10:20] = 8.0
    logits[1, 40:50, 60:70] = 8.0
    believed = Candidates(logits, np.array([0.02, 0.9, 0.9]), np.ones(3), logits)
    assert next_click(Points(), believed, weights="predicted-iou").y > 40
    alike = next_click(Points(), believed)
    assert alike.gains[15, 15] == pytest.approx(alike.gains[45, 65])


def test_sams_single_mask_is_no_alternative():
    logits = np.full((4, 60, 90), -8.0, np.float32)
    logits[0, 30:, :] = 8.0
    logits[2, 10:14, 10:14] = 8.0
    found = next_click(Points(), candidates(logits))
    assert found.y < 15
    assert found.x < 15


def test_a_mask_threshold_other_than_zero_is_respected():
    logits = disagreeing_at(70, 20)
    shifted = candidates(logits + 5)
    shifted = Candidates(shifted.logits, shifted.predicted_iou, shifted.stability, shifted.logits, threshold=5.0)
    expected = next_click(Points(), candidates(logits))
    found = next_click(Points(), shifted)
    assert (found.x, found.y, found.gain) == pytest.approx((expected.x, expected.y, expected.gain))


def test_sam_answers_and_medsam_is_refused_because_its_heads_were_never_trained():
    state = original_sam(**SMALL).state_dict()
    image, box = scene(60, 80), BoxPrompt(10, 10, 60, 50)
    segmenter = sam.from_state(state, "cpu")
    found = next_click(segmenter, segmenter.segment(segmenter.embed(image), box))
    point = found.answered(positive=found.positive)
    assert segmenter.segment(segmenter.embed(image), box, [point]).logits.shape == (4, 60, 80)
    refused = medsam.from_state(state, "cpu")
    answer = refused.segment(refused.embed(image), box)
    with pytest.raises(
        UnsupportedPromptError, match="medsam cannot say where to click next: it was trained with boxes"
    ):
        next_click(refused, answer)
    point_only = medsam.from_state(state, "cpu", "medsam-point")
    answer = point_only.segment(point_only.embed(image), points=[PointPrompt(20, 20)])
    with pytest.raises(UnsupportedPromptError, match="one positive point only"):
        next_click(point_only, answer)


def test_every_mask_of_sam_med2d_is_an_alternative():
    segmenter = sam_med2d.from_state(original_sam(**SMALL).state_dict(), "cpu")
    answer = segmenter.segment(segmenter.embed(scene(60, 80)), BoxPrompt(10, 10, 60, 50))
    assert len(answer.logits) == 3
    beliefs = 1 / (1 + np.exp(-answer.logits.astype(np.float64)))
    found = next_click(segmenter, answer)
    assert found.gains == pytest.approx(information_gain(beliefs), abs=1e-6)


class OneHead(Points):
    """Takes points, but only one of its mask heads was trained."""

    capabilities = Capabilities(last=2)


def test_one_head_has_nothing_to_disagree_with():
    with pytest.raises(UnsupportedPromptError, match="one trained mask head"):
        next_click(OneHead(), candidates(disagreeing_at(70, 20)))
    with pytest.raises(UnsupportedPromptError, match="gives 1 mask of trained heads"):
        next_click(Points(), candidates(disagreeing_at(70, 20, heads=1)))
    boxes_only = Points(supports_points=False)
    with pytest.raises(UnsupportedPromptError, match="any cannot say where to click next: it was trained with boxes"):
        next_click(boxes_only, candidates(disagreeing_at(70, 20)))


class Halves(Points):
    """Disagrees about the half of the box to its right; writes down what it was asked."""

    def embed(self, image, should_cancel=lambda: False):
        return Embedding("any", image.shape[:2], None, 0)

    def segment(self, embedding, box=None, points=(), mask_input=None, should_cancel=lambda: False):
        self.asked = box, list(points), mask_input
        logits = np.full((3, *embedding.shape), -8.0, np.float32)
        logits[0, int(box.y0) : int(box.y1), int((box.x0 + box.x1) / 2) : int(box.x1)] = 8.0
        return candidates(logits)


def test_a_slice_with_thick_pixels_is_answered_on_its_own_grid():
    pixels = np.linspace(0, 255, 20 * 60).reshape(20, 60)
    slice_ = SliceInput(pixels, preset_named("percentile").fit(pixels), (3.0, 1.0))
    segmenter, hint = Halves(), np.zeros((8, 8), np.float32)
    found = suggest_click(segmenter, slice_, BoxPrompt(10, 4, 50, 16), [PointPrompt(20, 10)], hint)
    assert found.gains.shape == (20, 60)
    assert 30 < found.x < 50
    assert 4 < found.y < 16
    box, points, given = segmenter.asked
    assert box == BoxPrompt(10, 12, 50, 48)
    assert points == [PointPrompt(20, 30)]
    assert given is hint
    assert not found.gains[:, :29].any()


def test_what_cannot_be_used_is_refused_before_the_network_runs():
    class Never(Halves):
        def embed(self, image, should_cancel=lambda: False):
            raise AssertionError("the image was embedded")

    pixels = np.zeros((20, 60))
    slice_ = SliceInput(pixels, preset_named("percentile").fit(pixels))
    with pytest.raises(EvanySegError, match="'all' says nothing"):
        suggest_click(Never(), slice_, BoxPrompt(1, 1, 9, 9), weights="all")
    with pytest.raises(EvanySegError, match="outside the image"):
        suggest_click(Never(), slice_, BoxPrompt(1, 1, 9, 9), [PointPrompt(70, 3)])
    with pytest.raises(UnsupportedPromptError):
        suggest_click(Never(supports_points=False), slice_, BoxPrompt(1, 1, 9, 9))


def test_codes_follow_the_gain_and_the_ring_lies_around_the_place():
    gains = np.zeros((40, 60), np.float32)
    gains[:, :30] = np.linspace(0, LARGEST, 30)
    click = NextClick(40.5, 20.5, 0.3, 0.7, gains)
    codes = gain_codes(click, marker=False)
    assert (codes[:, 0] == 0).all()
    assert (codes[:, 29] == STEPS).all()
    assert (np.diff(codes[0, 1:30].astype(int)) > 0).all()
    assert (codes[:, 30:] == 0).all()
    ringed = gain_codes(click)
    rows, cols = np.nonzero(np.isin(ringed, (RING, RIM)))
    assert ringed[20, 40] == RING
    assert abs(rows.mean() - 20) < 0.1
    assert abs(cols.mean() - 40) < 0.1
    tall = gain_codes(click, (1.0, 2.0))
    rows, cols = np.nonzero(np.isin(tall, (RING, RIM)))
    assert np.ptp(rows) > 1.5 * np.ptp(cols), "round in millimetres"


def test_the_colors_get_lighter_and_less_transparent_and_the_legend_has_them():
    table = gain_table()[1 : STEPS + 1]
    light = table[:, :3] @ (0.21, 0.72, 0.07)
    assert (np.diff(light) > 0).all()
    assert (np.diff(table[:, 3]) > 0).all()
    words, color = legend_entries()[0]
    assert words.startswith("0.69 nats")
    assert color == pytest.approx(tuple(table[-1, :3]))


def test_the_map_is_the_same_whatever_strips_it_is_computed_in(monkeypatch):
    logits = np.random.default_rng(4).normal(0, 2, (3, 37, 23)).astype(np.float32)
    whole = best_click(logits, np.ones(3))
    monkeypatch.setattr(next_click_module, "STRIP", 50)  # two rows at a time
    assert np.array_equal(best_click(logits, np.ones(3)).gains, whole.gains)
    assert np.allclose(whole.gains, information_gain(beliefs_at(logits)[2]), atol=1e-7)
