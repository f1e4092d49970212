"""Samples for augmentations, and what each of them has to keep."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from evanyseg.overlap import dice
from evanyseg_training.augment.sample import Sample


def disc(radius: float = 15, at: tuple[float, float] = (40, 36)) -> np.ndarray:
    rows, columns = np.mgrid[:80, :90]
    return np.hypot(rows - at[0], columns - at[1]) < radius


def sample(channels: int = 1, mask: np.ndarray | None = None) -> Sample:
    image = np.random.default_rng(0).normal(90, 4, (80, 90, channels)).clip(0, 255).astype(np.uint8)
    image[disc()] = 140
    given = disc(at=(42, 37)) if mask is None else mask
    return Sample(image, given, disc(), dice(given, disc()), 2.0)


def check_same_draw(change: Callable[[Sample, np.random.Generator], Sample], channels: int, seed: int) -> None:
    """The same draw gives the same, and nothing given changes."""
    given = sample(channels)
    before = given.image.copy()
    one, two = (change(given, np.random.default_rng(seed)) for _ in range(2))
    assert one is not given
    assert np.array_equal(given.image, before)
    assert all(np.array_equal(getattr(one, name), getattr(two, name)) for name in ("image", "mask", "truth"))
    assert (one.image.shape, one.image.dtype) == (given.image.shape, np.uint8)


def check_all_values(samples: list[Sample]) -> None:
    """The Dice takes values in each quarter."""
    values = np.array([s.dice for s in samples])
    assert all(np.mean((values >= low) & (values < low + 0.25)) > 0.08 for low in (0.0, 0.25, 0.5, 0.75))
