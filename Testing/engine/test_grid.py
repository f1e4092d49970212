"""Square pixels for the models, the slice's own pixels for everybody else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import zoom

from evanyseg.geometry.square_grid import SquareGrid, resize
from evanyseg.prompts import BoxPrompt, PointPrompt

spacings = st.floats(0.3, 5.0)


def test_nearly_square_pixels_are_left_alone() -> None:
    grid = SquareGrid((30, 40), (1.0, 1.04))
    image = np.zeros((30, 40, 3), np.uint8)
    assert grid.identity
    assert grid.image(image) is image
    assert grid.mask(image[..., 0] > 0).shape == (30, 40)


def test_the_finer_spacing_decides() -> None:
    assert SquareGrid((20, 40), (3.0, 1.0)).square_shape == (60, 40)
    assert SquareGrid((20, 40), (0.5, 2.0)).square_shape == (20, 160)


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 60), st.integers(2, 60), spacings, spacings)
def test_shapes_and_boxes_come_back(height: int, width: int, row: float, column: float) -> None:
    grid = SquareGrid((height, width), (row, column))
    h, w = grid.square_shape
    assert grid.image(np.zeros((height, width, 3), np.uint8)).shape == (h, w, 3)
    assert grid.mask(np.ones((height, width), bool)).all()
    assert grid.back(np.zeros((2, h, w), np.float32)).shape == (2, height, width)
    box = BoxPrompt(0.25 * width, 0.1 * height, 0.75 * width, 0.9 * height)
    square, (h, w) = grid.box(box), grid.square_shape
    assert square.per_axis(width / w, height / h).as_tuple() == pytest.approx(box.as_tuple())
    whole = grid.box(BoxPrompt(0, 0, width, height))
    assert whole.as_tuple() == pytest.approx((0, 0, w, h))
    point = grid.point(PointPrompt(width / 2, height / 2, False))
    assert (point.x, point.y, point.positive) == (pytest.approx(w / 2), pytest.approx(h / 2), False)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 5), st.integers(8, 30), st.integers(8, 30))
def test_a_mask_survives_the_way_there_and_back(factor: int, height: int, width: int) -> None:
    grid = SquareGrid((height, width), (float(factor), 1.0))
    mask = np.zeros((height, width), bool)
    mask[2 : height // 2 + 2, 3 : width // 2 + 2] = True
    there = grid.mask(mask)
    assert there.sum() == mask.sum() * grid.square_shape[0] / height
    assert np.array_equal(grid.back(there[None].astype(np.float32) * 8 - 4)[0] > 0, mask)


def test_colors_are_resized_channel_by_channel() -> None:
    image = np.random.default_rng(0).integers(0, 255, (6, 7, 3), dtype=np.uint8)
    grid = SquareGrid((6, 7), (2.0, 1.0))
    for channel in range(3):
        gray = np.repeat(image[..., channel : channel + 1], 3, axis=-1)
        assert np.array_equal(grid.image(image)[..., channel], grid.image(gray)[..., 0])


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 40), st.integers(1, 40))
def test_linear_resizing_equals_scipys_zoom(height: int, width: int, h: int, w: int) -> None:
    values = np.random.default_rng(height * 100 + width).uniform(0, 255, (height, width)).astype(np.float32)
    expected = zoom(values, (h / height, w / width), order=1, mode="nearest", grid_mode=True)
    if expected.shape == (h, w):  # zoom rounds the shape it makes
        assert resize(values, (h, w), order=1) == pytest.approx(expected, abs=1e-2)


def test_pixel_areas_stay_aligned_at_the_edges() -> None:
    ramp = np.arange(4, dtype=np.float32)[:, None].repeat(3, axis=1)
    fine = resize(ramp, (8, 3), order=1)
    assert fine[:, 0] == pytest.approx([0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3], abs=1e-5)
    assert np.array_equal(resize(ramp, (8, 3), order=0)[:, 0], np.arange(4).repeat(2))
