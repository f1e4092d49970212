"""How much of a mask an image shows: by counting, for grids of every kind."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evanyseg.geometry.mask_fit import mask_fit, percent
from evanyseg.results import Caveat

DIMS = (20, 18, 12)


def shift(*ijk: float) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, 3] = ijk
    return matrix


def block(*where: slice) -> np.ndarray:
    mask = np.zeros(DIMS[::-1], bool)
    mask[where] = True
    return mask


MASK = block(slice(3, 9), slice(4, 14), slice(5, 15))


def test_the_images_own_grid_loses_nothing_and_carries_no_caveat():
    fit = mask_fit(MASK, np.eye(4), DIMS)
    assert (fit.same_grid, fit.outside, fit.lost, fit.voxels) == (True, 0, 0, 600)
    assert fit.caveats == ()


@pytest.mark.parametrize(("offset", "lost"), [((5, 0, 0), 0.0), ((8, 0, 0), 0.3), ((0, 0, 7), 4 / 6), ((40, 0, 0), 1)])
def test_a_mask_moved_by_whole_voxels_loses_what_leaves_the_image(offset, lost):
    fit = mask_fit(MASK, shift(*offset), DIMS)
    assert fit.same_grid
    assert fit.outside == fit.lost == pytest.approx(lost)
    assert fit.acceptable == (lost == 0)


@settings(max_examples=40, deadline=None)
@given(
    offset=st.tuples(*[st.floats(-25, 25)] * 3),
    flips=st.tuples(*[st.sampled_from([1, -1])] * 3),
    seed=st.integers(0, 99),
)
def test_outside_is_what_counting_centers_says(offset, flips, seed):
    mask = np.random.default_rng(seed).random(DIMS[::-1]) < 0.2
    matrix = shift(*offset) @ np.diag([*flips, 1.0])
    outside = total = 0
    for k, j, i in product(*map(range, mask.shape)):
        if mask[k, j, i]:
            center = (matrix @ [i, j, k, 1])[:3]
            total += 1
            outside += not all(-0.5 - 1e-3 <= c <= n - 0.5 + 1e-3 for c, n in zip(center, DIMS, strict=True))
    assert mask_fit(mask, matrix, DIMS).outside == pytest.approx(outside / total)


def test_another_grid_of_the_same_place_is_resampled_and_loses_nothing():
    half = np.diag([0.5, 0.5, 0.5, 1.0])  # the mask's voxels are half as large
    mask = np.kron(MASK, np.ones((2, 2, 2), bool))
    fit = mask_fit(mask, shift(-0.25, -0.25, -0.25) @ half, DIMS)
    assert not fit.same_grid
    assert fit.lost == 0
    assert fit.caveats == (Caveat.RESAMPLED,)


def test_a_layer_between_the_slices_is_lost():
    thin = np.zeros((60, 18, 20), bool)  # five layers to each slice of the image
    thin[17] = True  # its centre is in no slice's middle, and no slice takes it up
    matrix = np.diag([1.0, 1.0, 0.2, 1.0])
    fit = mask_fit(thin, matrix, (20, 18, 12))
    assert (fit.outside, fit.lost) == (0, 1)
    thin[15] = True  # the middle of slice 3: what lies beside it is shown by it
    assert mask_fit(thin, matrix, (20, 18, 12)).lost == 0


def test_turned_grids_lose_their_corners_only():
    turn = np.eye(4)
    turn[:2, :2] = [[0.8, -0.6], [0.6, 0.8]]
    middle = shift(9.5, 8.5, 0)
    matrix = middle @ turn @ np.linalg.inv(middle)
    assert mask_fit(block(np.s_[:], np.s_[6:12], np.s_[7:13]), matrix, DIMS).lost == 0
    everything = mask_fit(np.ones(DIMS[::-1], bool), matrix, DIMS)
    assert 0.05 < everything.outside < 0.4
    assert everything.lost == everything.outside


def test_an_empty_mask_loses_nothing():
    fit = mask_fit(np.zeros((3, 4, 5), bool), shift(99, 0, 0), DIMS)
    assert (fit.voxels, fit.lost) == (0, 0)


def test_large_masks_are_counted_slab_by_slab(monkeypatch):
    from evanyseg.geometry import mask_fit as module

    whole = mask_fit(MASK, shift(8.3, 2, -5), DIMS)
    monkeypatch.setattr(module, "_CHUNK", 400)
    assert mask_fit(MASK, shift(8.3, 2, -5), DIMS) == whole


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.934, "93 %"),
        (0.0961, "10 %"),
        (0.034, "3.4 %"),
        (0.004, "0.4 %"),
        (0.0001, "under 0.1 %"),
        (0.9999, "99.9 %"),
        (1, "100 %"),
    ],
)
def test_percent(share, text):
    assert percent(share) == text
