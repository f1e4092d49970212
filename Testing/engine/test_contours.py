"""Contours become the pixels whose centres they enclose; holes, keyholes and islands stay what they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine.dicom_masks import square
from evanyseg.io.dicom.contours import combined, filled

SHAPE = (24, 30)


def enclosed(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The crossing number of every pixel centre, one edge after the other: the textbook, slowly."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    inside = np.zeros(shape, bool)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
        if y0 < y1:
            inside ^= (y0 <= y) & (y < y1) & (x >= x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return inside


@given(hnp.arrays(float, st.tuples(st.integers(3, 12), st.just(2)), elements=st.floats(-6, 36, width=32)))
def test_any_polygon_has_the_pixels_that_it_encloses(points: np.ndarray) -> None:
    assert np.array_equal(filled(points, SHAPE), enclosed(points, SHAPE))


def test_polygons_that_share_an_edge_share_no_pixel_and_leave_none_out() -> None:
    left = np.array([(2, 2), (9, 3), (10, 20), (2, 20)], float)
    right = np.array([(9, 3), (25, 2), (25, 20), (10, 20)], float)
    whole = np.array([(2, 2), (9, 3), (25, 2), (25, 20), (10, 20), (2, 20)], float)
    a, b = filled(left, SHAPE), filled(right, SHAPE)
    assert not (a & b).any()
    assert np.array_equal(a | b, filled(whole, SHAPE))


def test_a_square_between_the_pixel_centers_has_its_area() -> None:
    mask = filled(np.array(square(4.5, 6.5, 8)), SHAPE)
    assert mask.sum() == 64
    assert mask[7:15, 5:13].all()


@pytest.mark.parametrize("width", [0.0, 0.3])
def test_a_keyhole_leaves_its_hole_open(width: float) -> None:
    """One outline that runs in through a channel, around the hole the other way, and out again."""
    outline = [
        (2.5, 2.5), (20.5, 2.5), (20.5, 11), (14.5, 11), (14.5, 6.5), (8.5, 6.5), (8.5, 15.5), (14.5, 15.5),
        (14.5, 11 + width), (20.5, 11 + width), (20.5, 20.5), (2.5, 20.5),
    ]  # fmt: skip
    mask = filled(np.array(outline), SHAPE)
    expected = np.zeros(SHAPE, bool)
    expected[3:21, 3:21] = True
    expected[7:16, 9:15] = False
    if width:
        expected[11, 15:21] = False
    assert np.array_equal(mask, expected)


def test_what_lies_inside_is_a_hole_and_inside_that_an_island() -> None:
    drawn = [filled(np.array(square(*s)), SHAPE) for s in ((6.5, 6.5, 10), (2.5, 2.5, 18), (9.5, 9.5, 4))]
    whole, crossing = combined(drawn)
    assert not crossing
    assert whole.sum() == 18**2 - 10**2 + 4**2
    assert whole[11, 11]
    assert not whole[8, 8]


def test_outlines_that_cross_are_joined_and_said() -> None:
    drawn = [filled(np.array(square(*s)), SHAPE) for s in ((2.5, 2.5, 8), (6.5, 6.5, 8))]
    whole, crossing = combined(drawn)
    assert crossing
    assert np.array_equal(whole, drawn[0] | drawn[1])


def test_outlines_side_by_side_are_both_there() -> None:
    drawn = [filled(np.array(square(*s)), SHAPE) for s in ((2.5, 2.5, 5), (12.5, 2.5, 6))]
    whole, crossing = combined(drawn)
    assert not crossing
    assert whole.sum() == 25 + 36


def test_an_outline_beyond_the_image_is_cut_at_its_edge() -> None:
    mask = filled(np.array(square(-10.5, -10.5, 100)), SHAPE)
    assert mask.all()
    assert not filled(np.array(square(40.5, 2.5, 5)), SHAPE).any()
