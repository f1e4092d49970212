"""Texture of other images in and around objects."""

import numpy as np
import pytest

from evanyseg_training.augment.texture import SIDE, Textures, with_other_texture


def speckle(seed, low, high, shape=(60, 80)):
    return np.random.default_rng(seed).integers(low, high, (*shape, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def textures():
    images = {0: speckle(0, 0, 60), 1: speckle(1, 180, 255), 2: np.full((50, 50, 3), 9, np.uint8)}
    return Textures.of(images.__getitem__, {"dark": [0], "light": [1], "flat": [2]})


def disc_on_gray():
    rows, cols = np.mgrid[:64, :64]
    mask = (np.hypot(rows - 32, cols - 30) < 15).astype(np.uint8) * 255
    return np.full((64, 64, 3), 120, np.uint8), mask


def test_patches_come_from_every_set_that_has_texture(textures):
    assert textures.patches.shape == (50, SIDE, SIDE, 3)
    assert set(np.round(textures.patches.mean((1, 2, 3)) / 100).astype(int)) == {0, 2}


def test_without_texture_there_is_one_black_piece():
    flat = Textures.of(lambda _: np.full((40, 40, 3), 200, np.uint8), {"a": [0]})
    assert flat.patches.shape == (1, SIDE, SIDE, 3)
    assert not flat.patches.any()


@pytest.mark.parametrize("seed", range(24))
def test_object_and_surroundings_differ(textures, seed):
    pixels, mask = disc_on_gray()
    out = with_other_texture(pixels, mask, textures, np.random.default_rng(seed)).astype(float)
    core = mask > 127
    assert out.shape == pixels.shape
    assert abs(out[core].mean() - out[~core].mean()) > 8


def test_each_part_is_changed_in_some_of_the_draws_and_kept_in_others(textures):
    pixels, mask = disc_on_gray()
    kept = {"object": 0, "around": 0}
    for seed in range(60):
        out = with_other_texture(pixels, mask, textures, np.random.default_rng(seed))
        kept["object"] += bool(np.ptp(out[26:38, 24:36].astype(int)) == 0)
        kept["around"] += bool((out[:6] == 120).all())
    assert all(8 < n < 35 for n in kept.values()), kept


def test_the_same_draws_give_the_same_picture(textures):
    pixels, mask = disc_on_gray()
    first, second = (with_other_texture(pixels, mask, textures, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first, second)


def test_an_object_without_an_outline_leaves_the_picture_alone(textures):
    pixels, mask = disc_on_gray()
    for empty_or_full in (np.zeros_like(mask), np.full_like(mask, 255)):
        assert with_other_texture(pixels, empty_or_full, textures, np.random.default_rng(0)) is pixels
