"""Intervals for unseen data sets: every set counts alike, and distance widens them."""

import numpy as np
import pytest

from evanyseg.quality.conformal import Calibration
from evanyseg_training.commands.estimator.intervals import seen_sets
from evanyseg_training.errors import OptionError
from evanyseg_training.estimator.intervals import SetPredictions, cross_validated, fit_intervals

PLAIN = Calibration((0.0, 1.0), (0.0, 1.0), (), ((0.0, 0.0),), 0.9)


def masks_of(counts, noise, seed=0):
    """Masks of sets with some counts and noises each, two sets of each source; noisier sets lie farther away."""
    rng = np.random.default_rng(seed)
    which = np.repeat(np.arange(len(counts)), counts)
    true = rng.uniform(0, 1, len(which))
    dice = np.clip(true + rng.normal(0, np.array(noise)[which]), 0, 1)
    names = np.array([f"set{i:02}" for i in range(len(counts))])[which]
    sources = np.array([f"source{i // 2:02}" for i in range(len(counts))])[which]
    return SetPredictions(dice, dice - 0.05, dice + 0.05, true, 10 * np.array(noise)[which], names, sources)


def covered(calibration, masks):
    _, low, high = calibration.apply(masks.dice, masks.low, masks.high, masks.ood_score)
    return [((masks.true >= low) & (masks.true <= high))[masks.sets == s].mean() for s in np.unique(masks.sets)]


def test_nine_in_ten_of_sets_left_out_are_covered_where_the_plain_interval_covers_few():
    masks = masks_of([200] * 24, [0.05, 0.15, 0.25] * 8)
    checked = cross_validated(PLAIN, masks)
    assert checked["before"]["coverage"] < 0.5
    assert checked["after"]["coverage"] == pytest.approx(0.9, abs=0.02)
    assert checked["after"]["sets"] == 24
    assert checked["after"]["masks"] == 4800
    assert checked["after"]["least"] == min(checked["after"]["by_set"].values()) > 0.8
    assert np.mean(covered(fit_intervals(PLAIN, masks), masks_of([300] * 9, [0.05, 0.15, 0.25] * 3, 5))) > 0.87


def test_far_images_get_wider_intervals_than_near_ones():
    calibration = fit_intervals(PLAIN, masks_of([200] * 24, [0.05, 0.15, 0.25] * 8))
    widths = [
        float(np.subtract(*calibration.apply(*(np.array([v]) for v in (0.5, 0.45, 0.55, score)))[:0:-1])[0])
        for score in (0.5, 1.5, 2.5)
    ]
    assert widths[0] < widths[1] < widths[2]


def test_a_large_set_counts_no_more_than_a_small_one():
    """One set of 2,000 easy masks beside nine of 100 hard ones: by masks the easy set would decide."""
    masks = masks_of([2000] + [100] * 9, [0.01] + [0.2] * 9)
    same_distance = SetPredictions(**{**vars(masks), "ood_score": np.ones(len(masks.dice))})
    calibration = fit_intervals(PLAIN, same_distance)
    assert np.mean(covered(calibration, same_distance)) == pytest.approx(0.9, abs=0.03)
    assert np.mean(covered(calibration, same_distance)[1:]) > 0.85


def test_a_cell_with_few_masks_takes_the_offset_of_all():
    masks = masks_of([60] * 6, [0.1] * 6)  # all of them near: the two farther groups are empty
    calibration = fit_intervals(PLAIN, masks)
    assert len(calibration.offsets) == 9
    assert calibration.offsets[3:6] == calibration.offsets[6:9] == (calibration.offsets[3],) * 3


def test_the_card_names_the_sets_that_were_seen(tmp_path):
    card = tmp_path / "x.md"
    card.write_text(
        "# x\n\n| a |\n\n## Data sets behind the weights\n\n| set | n |\n|---|---|\n| one | 1 |\n| two | 2 |\n\nEnd.\n"
    )
    assert seen_sets(card) == {"one", "two"}
    card.write_text("# x\n")
    with pytest.raises(OptionError, match="--unseen"):
        seen_sets(card)
    with pytest.raises(OptionError, match="--unseen"):
        seen_sets(tmp_path / "none.md")
