"""The weights that ship: their scores on an easy scene, and what they cost."""

import numpy as np
import pytest

from engine.estimator_files import BOX, SHAPE, disc, picture
from evanyseg.prompts import BoxPrompt
from evanyseg.quality.builtin import BUILTIN, load


@pytest.fixture(scope="module")
def shipped():
    assert BUILTIN.is_file(), "the built-in estimator's weights are part of the package"
    return load()


def test_shipped_estimator_ranks_a_good_mask_above_bad_ones(shipped):
    true = disc()
    good, shifted, half, leaked = (
        true,
        np.roll(true, 16, axis=1),
        true & (np.arange(SHAPE[1]) < 55),
        true | disc(45, 80, 18),
    )
    scores = [e.dice for e in shipped.estimate(picture(true), np.stack([good, shifted, half, leaked]), [BOX] * 4)]
    assert scores[0] > max(scores[1:]) + 0.1


def test_shipped_estimator_shows_where_it_is_wrong(shipped):
    true = disc()
    mask = np.roll(true, 14, axis=1)
    (found,) = shipped.estimate(picture(true), mask[None], [BOX], maps=True)
    assert found.false_positive[mask & ~true].mean() > 2 * found.false_positive[mask & true].mean()
    assert found.false_negative[true & ~mask].mean() > 2 * found.false_negative[~true & ~mask].mean()


def test_shipped_estimator_changes_little_under_flips_and_turns(shipped):
    rng = np.random.default_rng(0)
    changes = []
    for seed in range(6):
        shape = (96, 96)
        true = disc(48, 48, 20, shape)
        mask = np.roll(true, tuple(rng.integers(-8, 9, 2)), (0, 1))
        image, box = picture(true, seed), BoxPrompt(26, 26, 70, 70)
        (base,) = shipped.estimate(image, mask[None], [box])
        for turns in range(4):
            for flip in (False, True):
                turn = lambda a, turns=turns, flip=flip: np.rot90(a, turns)[:, :: -1 if flip else 1]
                (other,) = shipped.estimate(np.ascontiguousarray(turn(image)), turn(mask)[None].copy(), [box])
                changes.append(abs(other.dice - base.dice))
    assert np.mean(changes) <= 0.03


def test_shipped_files_are_small(shipped):
    assert BUILTIN.stat().st_size <= 4e6
    assert BUILTIN.with_suffix(".md").is_file()
