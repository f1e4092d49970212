"""Damage methods: they hit their target, differ between draws, and follow the image where they claim to."""

import numpy as np
import pytest

from evanyseg.overlap import dice
from evanyseg.prompts import BoxPrompt
from evanyseg_training.candidates.corruption import TOLERANCE, TRAINING_METHODS, ObjectPatch, bisect, corrupted
from evanyseg_training.candidates.corruption.edges import travel_times


def blob(seed: int = 0, n: int = 96) -> ObjectPatch:
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[:n, :n]
    angle = np.arctan2(rows - n / 2, cols - n / 2)
    radius = n / 6 * (1 + 0.25 * np.sin(3 * angle + seed))
    truth = np.hypot(rows - n / 2, cols - n / 2) < radius
    other = np.hypot(rows - n / 5, cols - n / 5) < n / 9
    gray = 0.3 + 0.4 * truth + 0.35 * other + 0.05 * rng.standard_normal((n, n))
    return ObjectPatch(gray.astype(np.float32), truth, (other,))


def test_dice_by_hand():
    a = np.array([[True, True, False, False]])
    b = np.array([[False, True, True, True]])
    assert dice(a, b) == pytest.approx(2 * 1 / 5)
    assert dice(~(a | ~a), ~(b | ~b)) == 1.0


@pytest.mark.parametrize("method", ["elastic deformation", "leak", "superpixel", "wrong object", "part only", "affine"])
@pytest.mark.parametrize("target", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_families_hit_their_target(method, target):
    errors = []
    for seed in range(3):
        patch = blob(seed)
        mask, value, _ = corrupted(patch, target, np.random.default_rng(seed), method, tries=8)
        assert value == pytest.approx(dice(mask, patch.truth))
        errors.append(abs(value - target))
    assert max(errors) <= TOLERANCE


@pytest.mark.parametrize("method", ["staircase", "simple shape", "holes and islands"])
@pytest.mark.parametrize("target", [0.7, 0.85])
def test_families_of_limited_reach_hit_what_they_can(method, target):
    patch = blob()
    _, value, _ = corrupted(patch, target, np.random.default_rng(0), method, tries=8)
    assert value == pytest.approx(target, abs=TOLERANCE)


def test_mixed_draws_are_flat_and_on_target():
    rng = np.random.default_rng(0)
    patch = blob()
    targets = (np.arange(60) + 0.5) / 60
    values = [corrupted(patch, t, rng)[1] for t in targets]
    assert np.mean(np.abs(np.array(values) - targets) <= TOLERANCE) >= 0.95
    counts, _ = np.histogram(values, bins=5, range=(0, 1))
    assert counts.min() >= 9


@pytest.mark.parametrize("method", list(TRAINING_METHODS))
def test_strength_zero_is_near_the_truth_and_worsens(method):
    patch = blob()
    make = TRAINING_METHODS[method][0](patch, np.random.default_rng(1))
    assert dice(make(0.0), patch.truth) > 0.9
    assert dice(make(1.0), patch.truth) < dice(make(0.0), patch.truth)


@pytest.mark.parametrize("method", ["smooth closed curve", "another outline"])
def test_blind_shapes_fit_the_box_and_ignore_the_image(method):
    """The same draw on an image without any edge: the same mask; its box is nearly the object's."""
    patch = blob()
    flat = ObjectPatch(np.full_like(patch.gray, 0.5), patch.truth, ())
    masks = [
        TRAINING_METHODS[method][0](p, np.random.default_rng(4))(1.0)
        for p in (ObjectPatch(patch.gray, patch.truth), flat)
    ]
    np.testing.assert_array_equal(*masks)
    true, found = BoxPrompt.of_mask(patch.truth), BoxPrompt.of_mask(masks[0])
    assert np.abs(np.subtract(true.as_tuple(), found.as_tuple())).max() < 0.2 * true.width
    assert 0.5 < dice(masks[0], patch.truth) < 0.99


def test_draws_differ():
    patch = blob()
    first = corrupted(patch, 0.6, np.random.default_rng(0), "elastic deformation")[0]
    second = corrupted(patch, 0.6, np.random.default_rng(1), "elastic deformation")[0]
    assert (first != second).sum() > 20


def test_same_seed_same_mask():
    patch = blob()
    draws = [corrupted(patch, 0.4, np.random.default_rng(5))[0] for _ in range(2)]
    np.testing.assert_array_equal(*draws)


def test_leaks_cross_flat_ground_before_edges():
    n = 80
    truth = np.zeros((n, n), bool)
    truth[30:50, 30:50] = True
    gray = np.full((n, n), 0.5, np.float32)
    gray[:, 58:] = 1.0  # an edge on the right only
    out, _ = travel_times(ObjectPatch(gray, truth))
    assert out[40, 66] > 2 * out[40, 13]  # 17 pixels from the outline on either side


def test_bisect_keeps_the_nearest_mask_of_a_function_that_jumps():
    truth = np.zeros((1, 10), bool)
    truth[:, :8] = True

    def make(strength):
        mask = truth.copy()
        mask[:, : 4 if strength > 0.3 else 0] = False
        return mask

    _, value = bisect(make, truth, 0.9)
    assert value == 1.0


def test_single_pixel_and_full_truth_do_not_fail():
    rng = np.random.default_rng(0)
    one = np.zeros((32, 32), bool)
    one[16, 16] = True
    for truth in (one, np.ones((32, 32), bool)):
        for method in TRAINING_METHODS:
            mask, value, _ = corrupted(
                ObjectPatch(np.zeros((32, 32), np.float32), truth), 0.5, rng, method, methods=TRAINING_METHODS
            )
            assert mask.shape == truth.shape
            assert 0 <= value <= 1
