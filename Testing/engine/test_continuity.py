"""The check that a mask carried from slice to slice is still the same object."""

from __future__ import annotations

import numpy as np

from evanyseg.pipeline.continuity import BINS, Continuity, histogram


def disc(radius: float, gray: int, ground: int = 40, noise: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rows, cols = np.mgrid[:64, :64]
    mask = (rows - 32) ** 2 + (cols - 32) ** 2 <= radius**2
    image = np.where(mask, gray, ground)[..., None].repeat(3, axis=2)
    jitter = np.random.default_rng(0).integers(-noise, noise + 1, image.shape)
    return np.clip(image + jitter, 0, 255).astype(np.uint8), mask


def test_a_slowly_changing_object_is_followed() -> None:
    same = Continuity(*disc(20, 200))
    assert all(same.accepts(*disc(radius, gray)) for radius, gray in ((19, 198), (17, 196), (14, 192), (7, 190)))


def test_a_mask_elsewhere_is_not_the_object() -> None:
    image, mask = disc(12, 200)
    assert not Continuity(image, mask).accepts(np.roll(image, 15, axis=1), np.roll(mask, 15, axis=1))


def test_a_shape_drawn_on_other_tissue_is_not_the_object() -> None:
    same = Continuity(*disc(20, 200))
    image, mask = disc(20, 40)
    assert not same.accepts(image, mask)


def test_a_shape_drawn_on_an_empty_slice_is_not_the_object() -> None:
    same = Continuity(*disc(20, 200))
    assert not same.accepts(np.zeros((64, 64, 3), np.uint8), disc(20, 200)[1])


def test_a_mask_that_bursts_or_vanishes_is_not_the_object() -> None:
    assert not Continuity(*disc(12, 200)).accepts(*disc(24, 200))
    image, mask = disc(20, 200)
    assert not Continuity(image, mask).accepts(image, np.zeros_like(mask))


def test_a_histogram_is_a_distribution_and_moves_smoothly() -> None:
    image, mask = disc(20, 128, noise=0)
    here = histogram(image, mask)
    assert here.shape == (BINS,)
    assert abs(here.sum() - 1) < 1e-9
    brighter = np.where(mask[..., None], 132, image).astype(np.uint8)
    assert np.minimum(here, histogram(brighter, mask)).sum() > 0.7
