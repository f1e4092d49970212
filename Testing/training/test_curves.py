"""Thin structures drawn into images: what was drawn is the truth, and masks of it are good and bad."""

from dataclasses import replace

import numpy as np
import pytest

from evanyseg.overlap import dice
from evanyseg.prompts import BoxPrompt
from evanyseg_training.augment.curves import with_curves
from evanyseg_training.augment.sample import Sample
from training.augment_samples import check_all_values, check_same_draw, disc, sample


def made(count: int = 200) -> list[Sample]:
    """Those that were drawn: at times a curve leaves the patch at once."""
    found = [with_curves(sample(), np.random.default_rng(seed)) for seed in range(count)]
    drawn = [s for s in found if np.isnan(s.hd95)]
    assert len(drawn) > 0.8 * count
    return drawn


@pytest.mark.parametrize("channels", [1, 3])
def test_the_same_draw_gives_the_same_and_nothing_given_changes(channels):
    check_same_draw(with_curves, channels, 3)


def test_what_is_drawn_fills_little_of_its_box_and_can_be_seen():
    found = made()
    fill = []
    for one in found:
        box = BoxPrompt.of_mask(one.truth)
        assert box is not None
        fill.append(one.truth.sum() / (box.width * box.height))
        assert (one.image != sample().image).any(axis=2)[one.truth].mean() > 0.7
    assert np.median(fill) < 0.4


def test_dice_is_of_what_was_drawn_and_takes_all_values():
    found = made()
    assert all(s.dice == pytest.approx(dice(s.mask, s.truth)) for s in found)
    check_all_values(found)


def test_without_room_the_sample_stays_as_it_is():
    given = sample()
    small = Sample(given.image[:30, :30], disc(4, (15, 15))[:30, :30], disc(4, (15, 15))[:30, :30], 1.0, 0.0)
    for one in (small, replace(given, truth=np.zeros_like(given.truth))):
        assert with_curves(one, np.random.default_rng(0)) is one
