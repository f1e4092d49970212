"""Expected information gain: the paper's number, its bounds, its Monte Carlo, and where the next click goes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sam_originals import SMALL, original_sam, scene
from evanyseg.errors import ImageError, UnsupportedPromptError
from evanyseg.pipeline.next_click import information_gain, next_click
from evanyseg.prompts import BoxPrompt, PointPrompt
from evanyseg.results import Candidates
from evanyseg.segmenters import medsam, sam


def test_the_papers_example():
    assert information_gain(np.array([0.95, 0.6, 0.1])) == pytest.approx(0.2893, abs=5e-5)


def test_nested_monte_carlo_approaches_it_from_above():
    """The estimator that the paper runs: draw a head and a label, compare with the mean over M heads."""
    theta, rng = np.array([0.95, 0.6, 0.1]), np.random.default_rng(0)
    means = []
    for outer, inner in ((256, 16), (4096, 64)):
        runs = []
        for _ in range(60):
            own = theta[rng.integers(3, size=outer)]
            label = rng.random(outer) < own
            others = theta[rng.integers(3, size=(outer, inner))].mean(axis=1)
            likelihood = np.where(label, own, 1 - own)
            evidence = np.where(label, others, 1 - others)
            runs.append(np.mean(np.log(likelihood) - np.log(evidence)))
        means.append(np.mean(runs))
    exact = float(information_gain(theta))
    assert exact < means[1] < means[0]
    assert means[0] == pytest.approx(0.302, abs=0.004)
    assert means[1] == pytest.approx(0.293, abs=0.002)


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
    assert abs(found.x - 70) <= 3
    assert abs(found.y - 20) <= 3
    assert found.gain == pytest.approx(float(information_gain(1 / (1 + np.exp(-np.array([8.0, -8, -8]))))), abs=1e-9)
    assert found.inside == pytest.approx(1 / 3, abs=1e-3)
    assert found.gains.shape == (30, 30)
    again = next_click(Points(), candidates(logits), [found.answered(True)])
    assert (again.x, again.y) != (found.x, found.y)
    assert found.answered(False) == PointPrompt(found.x, found.y, False)


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
    point = found.answered(positive=found.inside > 0.5)
    assert segmenter.segment(segmenter.embed(image), box, [point]).logits.shape == (4, 60, 80)
    refused = medsam.from_state(state, "cpu")
    answer = refused.segment(refused.embed(image), box)
    with pytest.raises(UnsupportedPromptError, match="medsam cannot say where to click next"):
        next_click(refused, answer)
    point_only = medsam.from_state(state, "cpu", "medsam-point")
    answer = point_only.segment(point_only.embed(image), points=[PointPrompt(20, 20)])
    with pytest.raises(UnsupportedPromptError):
        next_click(point_only, answer)
