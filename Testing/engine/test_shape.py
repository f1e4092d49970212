"""The measured shape of a mask, on masks whose answer is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from evanyseg.prompts import BoxPrompt
from evanyseg.quality.context import AUXILIARY, AUXILIARY_COUNT, context_input
from evanyseg.quality.shape import FEATURES, _solidity

SHAPE = (128, 128)


def disc(cy=64, cx=64, radius=30):
    rows, cols = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return np.hypot(rows - cy, cols - cx) < radius


def features(mask, box=None, image=None):
    if image is None:
        image = np.repeat((60 + 100 * disc()).astype(np.uint8)[..., None], 3, axis=2)
    seen = context_input(image, mask, box)
    assert seen.auxiliary.shape == (AUXILIARY_COUNT,)
    return dict(zip(FEATURES, seen.auxiliary[len(AUXILIARY) :], strict=True))


def test_a_disc_is_one_round_solid_piece():
    found = features(disc())
    assert (found["components"], found["largest component"], found["holes"], found["hole area"]) == (0, 1, 0, 0)
    assert found["solidity"] > 0.93
    assert found["compactness"] == pytest.approx(np.pi / 4, abs=0.05)
    assert found["mask box IoU"] == 1


def test_pieces_and_holes_are_counted():
    two = disc(40, 40, 15) | disc(90, 90, 15)
    found = features(two)
    assert found["components"] == pytest.approx(np.log(2))
    assert found["largest component"] == pytest.approx(0.5, abs=0.05)
    assert found["solidity"] < 0.7
    ring = disc() & ~disc(radius=12)
    assert features(ring)["holes"] == pytest.approx(np.log(2))
    assert features(ring)["hole area"] > 0.5


def test_an_outline_on_the_edge_is_told_from_one_off_it():
    right, shifted = features(disc()), features(np.roll(disc(), 16, axis=1))
    assert right["edge contrast"] > shifted["edge contrast"] + 1
    assert right["outline gradient"] > shifted["outline gradient"] + 0.5
    assert right["separation"] > shifted["separation"]
    assert right["inside spread"] < shifted["inside spread"]


def test_the_box_is_compared_with_the_masks_own():
    mask = disc()
    found = features(mask, BoxPrompt(34, 34, 94, 64))
    own = BoxPrompt.of_mask(mask)
    shared = own.width * (64 - own.y0)
    assert found["mask box IoU"] == pytest.approx(shared / (own.area + 60 * 30 - shared), abs=1e-4)


def test_turning_changes_nothing():
    image = np.repeat((60 + 80 * disc(60, 70, 25) + 40 * disc(90, 40, 20)).astype(np.uint8)[..., None], 3, axis=2)
    mask = disc() | disc(50, 80, 14)
    box = BoxPrompt(32, 32, 96, 96)
    plain = features(mask, box, image)
    turned = features(np.ascontiguousarray(np.rot90(mask)), box, np.ascontiguousarray(np.rot90(image)))
    for name in FEATURES:
        assert turned[name] == pytest.approx(plain[name], abs=0.02), name


@pytest.mark.parametrize("mask", [np.ones(SHAPE, bool), disc(radius=1), np.eye(128, dtype=bool)])
def test_odd_masks_give_finite_numbers(mask):
    assert all(np.isfinite(v) and abs(v) <= 4 for v in features(mask).values())


def test_an_empty_mask_and_a_flat_image_give_finite_numbers():
    empty = features(np.zeros(SHAPE, bool), BoxPrompt(20, 20, 60, 60))
    assert not any(empty.values())
    flat = features(disc(), None, np.full((*SHAPE, 3), 7, np.uint8))
    assert flat["edge contrast"] == pytest.approx(0, abs=1e-4)
    assert all(np.isfinite(v) for v in flat.values())


@given(st.integers(0, 10**6), st.floats(0.02, 0.9), st.integers(2, 40))
@settings(max_examples=200, deadline=None)
def test_solidity_is_the_area_over_that_of_the_convex_hull(seed, share, side):
    mask = np.random.default_rng(seed).random((side, side + 3)) < share
    if not mask.any():
        mask[0, 0] = True
    rows, cols = np.nonzero(mask)
    corners = np.concatenate([np.column_stack([rows + dy, cols + dx]) for dy in (0, 1) for dx in (0, 1)])
    area = int(mask.sum())
    assert _solidity(mask, area) == pytest.approx(area / ConvexHull(corners).volume, rel=1e-9)
