"""Objects made hollow: a wall or a cavity that can be seen, and masks whose Dice is that of what was asked for."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from evanyseg.overlap import dice
from evanyseg_training.augment.hollow import hollowed
from evanyseg_training.augment.sample import Sample
from evanyseg_training.augment.shading import CONTRAST
from training.augment_samples import check_all_values, check_same_draw, disc, sample


def made(count: int = 200, **changes: object) -> list[Sample]:
    return [hollowed(replace(sample(), **changes), np.random.default_rng(seed)) for seed in range(count)]


@pytest.mark.parametrize("channels", [1, 3])
def test_the_same_draw_gives_the_same_and_nothing_given_changes(channels):
    check_same_draw(hollowed, channels, 5)


def test_dice_is_of_the_new_truth_and_the_distance_unknown():
    for one in made(40):
        assert one.dice == pytest.approx(dice(one.mask, one.truth))
        assert np.isnan(one.hd95)
        assert one.truth.any()
        assert one.mask.any()


def test_mostly_the_wall_is_asked_for_and_masks_are_filled_or_not():
    found = made()
    holes = [ndimage.binary_fill_holes(s.truth).sum() > s.truth.sum() for s in found]
    assert 0.3 < np.mean(holes) < 0.7  # walls that are open to one side have no hole
    check_all_values(found)


def test_what_was_made_can_be_seen():
    steps = []
    for one in made():
        changed = (one.image != sample().image).any(axis=2)
        middle = ndimage.binary_erosion(changed, iterations=2)
        if middle.any():
            steps.append(abs(float(one.image[middle].mean()) - float(sample().image[middle].mean())))
    assert np.percentile(steps, 10) > 0.5 * CONTRAST[0]


def test_thin_objects_and_empty_masks_stay_as_they_are():
    thin = np.zeros((80, 90), bool)
    thin[40:43, 10:80] = True
    for given in (replace(sample(), truth=thin), replace(sample(), mask=np.zeros_like(thin))):
        assert hollowed(given, np.random.default_rng(0)) is given


def test_objects_at_the_edge_of_the_image():
    corner = disc(at=(2, 3))
    found = made(20, truth=corner, mask=corner)
    assert all(s.truth.shape == corner.shape for s in found)
