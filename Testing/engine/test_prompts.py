"""Boxes and points: refused when they mean nothing, clipped when they reach over the edge, never repaired."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evanyseg.errors import EvanySegError, PromptError
from evanyseg.prompts import BoxPrompt, PointPrompt

SHAPE = (60, 80)


@pytest.mark.parametrize(
    ("box", "why"),
    [
        ((math.nan, 0, 5, 5), "not a number"),
        ((0, 0, math.inf, 5), "not a number"),
        ((9, 0, 5, 5), "inverted"),
        ((0, 9, 5, 5), "inverted"),
        ((5, 5, 5, 9), "inverted or empty"),
        ((80, 0, 90, 9), "outside the image of 80 x 60"),
        ((-9, 0, 0, 9), "outside"),
        ((0, -9, 9, 0), "outside"),
        ((0, 60, 9, 70), "outside"),
        ((4, 4, 5, 5), "less than 2 x 2"),
        ((-50, 4, 1, 30), "less than 2 x 2"),
    ],
)
def test_a_box_that_means_nothing_is_refused(box: tuple, why: str) -> None:
    with pytest.raises(PromptError, match=why):
        BoxPrompt(*box).validated(SHAPE)


def test_a_prompt_error_is_an_engine_error_and_a_value_error() -> None:
    with pytest.raises(EvanySegError):
        BoxPrompt(3, 3, 2, 9).validated(SHAPE)
    assert issubclass(PromptError, ValueError)


def test_a_box_over_the_edge_is_clipped_and_the_whole_image_is_kept() -> None:
    assert BoxPrompt(-3, -4, 20, 300).validated(SHAPE) == BoxPrompt(0, 0, 20, 60)
    assert BoxPrompt(0, 0, 80, 60).validated((*SHAPE, 3)) == BoxPrompt(0, 0, 80, 60)


coordinate = st.floats(-100, 200)


@given(coordinate, coordinate, coordinate, coordinate)
def test_a_validated_box_is_inside_and_stays_itself(x0, y0, x1, y1) -> None:
    box = BoxPrompt(x0, y0, x1, y1)
    try:
        valid = box.validated(SHAPE)
    except PromptError:
        return
    assert 0 <= valid.x0 < valid.x1 <= 80
    assert 0 <= valid.y0 < valid.y1 <= 60
    assert min(valid.width, valid.height) >= 2
    assert valid.validated(SHAPE) == valid
    assert x0 <= valid.x0
    assert valid.x1 <= x1


@given(coordinate, coordinate, coordinate, coordinate)
def test_any_two_corners_give_the_same_box(xa, ya, xb, yb) -> None:
    box = BoxPrompt.from_corners(xa, ya, xb, yb)
    assert box == BoxPrompt.from_corners(xb, ya, xa, yb) == BoxPrompt.from_corners(xb, yb, xa, ya)
    assert box.width >= 0
    assert box.height >= 0


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 20), st.integers(1, 9))
def test_the_box_of_a_mask_is_tight_and_half_open(x, y, width, height) -> None:
    mask = np.zeros((70, 80), bool)
    mask[y, x] = mask[y + height - 1, x + width - 1] = True
    box = BoxPrompt.of_mask(mask)
    assert box == BoxPrompt(x, y, x + width, y + height)
    assert mask[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)].sum() == mask.sum()


def test_an_empty_mask_has_no_box() -> None:
    assert BoxPrompt.of_mask(np.zeros((5, 5), bool)) is None


def test_scaling_keeps_the_center_and_multiplies_the_area() -> None:
    box = BoxPrompt(10, 20, 30, 60).scaled(1.5)
    assert box == BoxPrompt(5, 10, 35, 70)
    assert box.area == pytest.approx(2.25 * 800)
    assert BoxPrompt(10, 20, 30, 60).per_axis(2, 0.5) == BoxPrompt(20, 10, 60, 30)


@pytest.mark.parametrize("point", [(math.nan, 1), (1, math.inf), (-0.1, 5), (80, 5), (5, 60)])
def test_points_off_the_image_are_refused(point: tuple) -> None:
    with pytest.raises(PromptError):
        PointPrompt(*point).validated(SHAPE)


def test_points_on_the_image_are_kept() -> None:
    point = PointPrompt(79.9, 0, positive=False)
    assert point.validated(SHAPE) is point
