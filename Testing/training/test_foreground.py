"""All that is not dark as an object."""

from dataclasses import replace

import numpy as np
import pytest

from evanyseg.overlap import dice
from evanyseg_training.augment.foreground import foreground, with_foreground
from evanyseg_training.augment.sample import Sample
from training.augment_samples import disc, sample


def head(channels: int = 1) -> Sample:
    """A bright disc with a dark hole on a dark ground; what was asked for is small."""
    image = np.full((80, 90, channels), 3, np.uint8)
    image[disc(26)] = 120
    image[disc(6, (44, 36))] = 2
    return Sample(image, disc(3), disc(4), dice(disc(3), disc(4)), 1.0)


def test_what_is_bright_is_filled():
    found = foreground(head().image.mean(axis=2))
    assert found is not None
    assert dice(found, disc(26)) > 0.97
    assert found[44, 36]


@pytest.mark.parametrize("channels", [1, 3])
def test_masks_are_good_and_bad_and_their_dice_is_theirs(channels):
    found = [with_foreground(head(channels), np.random.default_rng(seed)) for seed in range(60)]
    made = [s for s in found if np.isnan(s.hd95)]  # where corruption leaves no mask, the sample stays
    assert len(made) > 50
    assert all(s.dice == pytest.approx(dice(s.mask, s.truth)) for s in made)
    assert all(s.image.shape == (80, 90, channels) and s.truth.sum() > 1800 for s in made)
    values = np.array([s.dice for s in made])
    assert (values == 1).sum() >= 3
    assert min(np.mean(values < 0.4), np.mean((values > 0.4) & (values < 0.8)), np.mean(values > 0.8)) > 0.1


def test_large_images_are_made_smaller_with_their_masks():
    big = replace(head(), image=np.kron(head().image, np.ones((4, 4, 1), np.uint8)))
    found = with_foreground(big, np.random.default_rng(0))
    assert max(found.image.shape) == 160
    assert found.image.shape[:2] == found.mask.shape == found.truth.shape


def test_without_a_dark_background_nothing_changes():
    given = sample()
    assert with_foreground(given, np.random.default_rng(0)) is given
    dark = replace(given, image=np.zeros_like(given.image))
    assert with_foreground(dark, np.random.default_rng(0)) is dark
