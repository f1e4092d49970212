"""What both trainings share: one box jitter, one set of symmetries, one change of intensities."""

import numpy as np
import pytest

from evanyseg.adaptation.candidates import JITTER as adaptation_jitter
from evanyseg.adaptation.candidates import prompt_of
from evanyseg.adaptation.reference import Reference
from evanyseg.geometry.box_jitter import jittered, jittered_normally, moved
from evanyseg.prompts import BoxPrompt
from evanyseg_training.augment.geometry import dihedral
from evanyseg_training.augment.intensity import intensities

IMAGE = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)


def test_jitter_moves_every_side_between_least_and_most() -> None:
    box, rng = BoxPrompt(110, 120, 210, 170), np.random.default_rng(0)
    far = [np.subtract(jittered(box, (300, 300), rng, 0.1, 0.05).as_tuple(), box.as_tuple()) for _ in range(300)]
    moves = np.stack(far) / [100, 50, 100, 50]
    assert np.abs(moves).max() <= 0.1 + 1e-9
    assert np.abs(moves).min() >= 0.05 - 1e-9
    assert (moves > 0).mean() == pytest.approx(0.5, abs=0.08)


def test_normal_jitter_has_the_deviation_it_was_given() -> None:
    box, rng = BoxPrompt(110, 120, 210, 170), np.random.default_rng(0)
    far = [np.subtract(jittered_normally(box, (300, 300), rng, 0.1).as_tuple(), box.as_tuple()) for _ in range(400)]
    assert (np.stack(far) / [100, 50, 100, 50]).std(axis=0) == pytest.approx(np.full(4, 0.1), abs=0.015)


def test_the_boxes_of_a_seed_stay_what_the_shipped_models_were_trained_with() -> None:
    """A change here moves every prompt of training, of the held-out lists and of adaptation: their numbers with it."""
    box, rng = BoxPrompt(110, 120, 210, 170), np.random.default_rng(7)
    flat = jittered(box, (300, 300), rng, 0.1, 0.05)
    assert flat.as_tuple() == pytest.approx((101.874523, 115.256965, 201.121572, 173.063018), abs=1e-5)
    normal = jittered_normally(box, (300, 300), rng, 0.07)
    assert normal.as_tuple() == pytest.approx((110.421005, 118.277277, 219.381507, 167.828336), abs=1e-5)


def test_adaptation_prompts_with_the_same_jitter() -> None:
    image, truth = np.full((300, 300, 3), 90, np.uint8), np.zeros((300, 300), bool)
    truth[120:170, 110:210] = True
    found = prompt_of(Reference(image, truth), np.random.default_rng(3))
    assert found == jittered_normally(
        BoxPrompt(110, 120, 210, 170), truth.shape, np.random.default_rng(3), adaptation_jitter
    )


@pytest.mark.parametrize("jitter", [jittered, jittered_normally])
def test_jittered_boxes_stay_on_the_image(jitter) -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        box = jitter(BoxPrompt(0, 5, 20, 30), (32, 24), rng, 0.5)
        assert 0 <= box.x0 < box.x1 <= 24
        assert 0 <= box.y0 < box.y1 <= 32
        assert min(box.width, box.height) >= 2


def test_a_box_that_would_vanish_stays_as_it_is() -> None:
    small = BoxPrompt(5, 5, 8, 8)
    assert moved(small, (20, 20), np.array([0.4, 0, -0.4, 0])) == small
    assert moved(small, (20, 20), np.array([0.1, 0, 0, 0])) == BoxPrompt(5.3, 5, 8, 8)


@pytest.mark.parametrize("axes", [(0, 1), (-2, -1)])
def test_flips_move_all_arrays_together(axes) -> None:
    rng = np.random.default_rng(0)
    gray = IMAGE[..., 0]
    image = np.stack([gray] * 3, axis=2 if axes == (0, 1) else 0)
    seen = set()
    for _ in range(60):
        turned, mask = dihedral([image, gray], rng, axes)
        np.testing.assert_array_equal(turned[..., 0] if axes == (0, 1) else turned[0], mask)
        seen.add(mask.tobytes())
    assert len(seen) == 8


def test_intensities_keep_size_and_type() -> None:
    before, rng = IMAGE.copy(), np.random.default_rng(1)
    results = [intensities(IMAGE, rng) for _ in range(30)]
    assert all(r.shape == IMAGE.shape and r.dtype == np.uint8 for r in results)
    assert len({r.tobytes() for r in results}) > 25
    np.testing.assert_array_equal(IMAGE, before)


def test_intensities_change_the_look_and_not_where_things_are() -> None:
    """A bright square stays apart from its ground, but where a clipped window shows both alike."""
    image = np.full((40, 40, 3), 70, np.uint8)
    image[10:30, 10:30] = 180
    looks = [intensities(image, np.random.default_rng(s)).mean(axis=2) for s in range(60)]
    assert np.mean([abs(look[20, 20] - look[3, 3]) > 15 for look in looks]) > 0.8


def test_the_same_seed_gives_the_same_look() -> None:
    first, again = (intensities(IMAGE, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
