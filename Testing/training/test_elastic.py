"""Masks, objects and images deformed together."""

import math

import numpy as np
import pytest

from evanyseg.overlap import dice
from evanyseg_training.augment.elastic import FEWEST, SIDES, elastically_deformed
from evanyseg_training.augment.sample import Sample

ROWS, COLS = np.mgrid[:90, :120]


def disc(y, x, radius):
    return np.hypot(ROWS - y, COLS - x) < radius


def sample(mask, truth, channels=1):
    image = np.repeat((truth * np.uint8(200))[..., None], channels, axis=2)
    return Sample(image, mask, truth, dice(mask, truth), 3.0)


@pytest.mark.parametrize("seed", range(12))
def test_image_mask_and_object_move_together(seed):
    start = sample(disc(42, 60, 15), disc(45, 64, 18))
    out = elastically_deformed(start, np.random.default_rng(seed))
    assert out.image.shape == (*out.mask.shape, 1)
    assert SIDES[0] <= out.mask.shape[0] == out.mask.shape[1] <= SIDES[1]
    assert dice(out.image[..., 0] > 100, out.truth) > 0.98
    assert out.dice == dice(out.mask, out.truth)
    assert math.isnan(out.hd95)
    assert abs(out.dice - start.dice) < 0.12


def test_the_right_mask_stays_right_in_color_too():
    truth = disc(45, 60, 14)
    out = elastically_deformed(sample(truth, truth, channels=3), np.random.default_rng(4))
    assert out.dice == 1.0
    assert out.image.shape[2] == 3


def test_shapes_differ_between_draws():
    truth = disc(45, 60, 18)
    aspects = []
    for seed in range(30):
        y, x = np.nonzero(elastically_deformed(sample(truth, truth), np.random.default_rng(seed)).truth)
        aspects.append(np.log(np.ptp(x) / np.ptp(y)))
    assert np.std(aspects) > 0.1


def test_the_same_draws_give_the_same_scene():
    start = sample(disc(42, 60, 15), disc(45, 64, 18))
    first, second = (elastically_deformed(start, np.random.default_rng(2)) for _ in range(2))
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.mask, second.mask)


def test_a_mask_far_from_its_object_stays_in_sight():
    out = elastically_deformed(sample(disc(15, 15, 9), disc(70, 100, 9)), np.random.default_rng(0))
    assert out.dice == 0.0
    assert min(np.count_nonzero(out.mask), np.count_nonzero(out.truth)) >= FEWEST


@pytest.mark.parametrize("truth", [np.zeros((90, 120), bool), disc(40, 40, 1.2)], ids=["nothing", "a few pixels"])
def test_what_would_be_lost_is_left_as_it_is(truth):
    start = sample(np.zeros_like(truth), truth)
    assert all(
        elastically_deformed(start, np.random.default_rng(seed)) is start for seed in range(6) if not truth.any()
    )
    small = [elastically_deformed(start, np.random.default_rng(seed)) for seed in range(6)]
    assert all(s is start or np.count_nonzero(s.truth) >= FEWEST for s in small)


def test_an_empty_mask_of_an_object_stays_empty():
    out = elastically_deformed(sample(np.zeros((90, 120), bool), disc(45, 60, 15)), np.random.default_rng(1))
    assert not out.mask.any()
    assert out.dice == 0.0
