"""Intensity recipes: what is fitted is what is applied and what is recorded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evanyseg.errors import ImageError
from evanyseg.pipeline.intensity import PRESETS, IntensityWindow, default_preset, image_caveats, preset_named
from evanyseg.results import Caveat


def test_the_percentile_window_ignores_the_few_extreme_voxels() -> None:
    data = np.linspace(0, 1000, 10_000).reshape(10, 25, 40)
    data[0, 0, :5] = 1e6
    window = PRESETS["percentile"].fit(data)
    assert window.low == pytest.approx(5, abs=2)
    assert window.high == pytest.approx(995, abs=3)
    assert window.describe() == f"percentile [{window.low:g}, {window.high:g}]"


def test_a_ct_window_maps_its_ends_to_black_and_white() -> None:
    pixels = np.array([[-2000, -160, 40, 240, 3000]], np.int16)
    rgb = preset_named("ct-soft").fit(pixels).apply(pixels)
    assert rgb.shape == (1, 5, 3)
    assert rgb[0, :, 0].tolist() == [0, 0, 128, 255, 255]
    assert (rgb[..., 0] == rgb[..., 2]).all()


def test_nan_and_infinite_voxels_do_not_spoil_window_or_picture() -> None:
    data = np.linspace(0, 100, 400).reshape(20, 20)
    clean = PRESETS["percentile"].fit(data)
    data[0, :3] = np.nan, np.inf, -np.inf
    window = PRESETS["percentile"].fit(data)
    assert window.low == pytest.approx(clean.low, abs=1)
    assert window.high == pytest.approx(clean.high, abs=1)
    assert window.apply(data)[0, :3, 0].tolist() == [0, 255, 0]
    assert image_caveats(data) == (Caveat.NOT_A_NUMBER,)


def test_all_nan_and_constant_images_become_black_with_a_caveat() -> None:
    for data in (np.full((4, 4), np.nan), np.full((4, 4), 7, np.int16)):
        assert not PRESETS["percentile"].fit(data).apply(data).any()
        assert Caveat.CONSTANT_IMAGE in image_caveats(data)


def test_a_speck_on_a_flat_ground_still_gets_a_window() -> None:
    data = np.zeros((100, 100), np.int16)
    data[50, 50] = 900
    rgb = PRESETS["percentile"].fit(data).apply(data)
    assert rgb[50, 50, 0] == 255
    assert rgb[0, 0, 0] == 0


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (np.array([[[10, 20, 30]]], np.uint8), [10, 20, 30]),
        (np.array([[[10, 20, 30, 99]]], np.uint8), [10, 20, 30]),
        (np.array([[[256, 512, 65535]]], np.uint16), [1, 2, 255]),
        (np.array([[[0.0, 0.5, 1.0]]], np.float32), [0, 128, 255]),
        (np.array([[[0.0, 100.4, 255.0]]], np.float64), [0, 100, 255]),
        (np.array([[[0, 100, 255]]], np.int16), [0, 100, 255]),
    ],
)
def test_colors_of_every_type_become_8_bit(pixels: np.ndarray, expected: list[int]) -> None:
    assert PRESETS["rgb"].fit(pixels).apply(pixels)[0, 0].tolist() == expected


@pytest.mark.parametrize("ends", [(-1000, 1000), (0, 4096), (-1.0, 1.0)])
def test_colors_of_other_ranges_are_not_cut(ends: tuple[float, float]) -> None:
    pixels = np.array([[[ends[0], sum(ends) / 2, ends[1]]]], np.float32 if ends[1] == 1 else np.int16)
    assert np.abs(PRESETS["rgb"].fit(pixels).apply(pixels)[0, 0] - np.array([0, 127.5, 255])).max() <= 1


@pytest.mark.parametrize("top", [1.0, 255.0])
def test_colors_that_resampling_drove_beyond_their_range_are_cut(top: float) -> None:
    pixels = np.linspace(0, top, 3000, dtype=np.float32).reshape(20, 50, 3)
    shown = PRESETS["rgb"].fit(pixels).apply(pixels)
    pixels[0, 0] = [-0.1 * top, 0.0, 1.1 * top]
    beyond = PRESETS["rgb"].fit(pixels).apply(pixels)
    assert beyond[0, 0].tolist() == [0, 0, 255]
    assert np.array_equal(beyond[1:], shown[1:])


def test_colors_under_a_gray_preset_are_their_mean() -> None:
    pixels = np.array([[[0, 30, 60, 255]]], np.uint8)
    assert IntensityWindow(0, 60, "fixed").apply(pixels)[0, 0].tolist() == [128, 128, 128]


def test_a_fixed_window_is_read_and_nonsense_refused() -> None:
    assert preset_named("fixed:-100,300").fit(np.zeros(3)).describe() == "fixed [-100, 300]"
    for name in ("fixed:1", "fixed:a,b", "fixed:5,5", "fixed:9,1"):
        with pytest.raises(ImageError):
            preset_named(name)
    with pytest.raises(ImageError, match=r"choose one of percentile, ct-soft.*fixed:LOW,HIGH"):
        preset_named("ct-liver")


def test_the_default_depends_on_color_alone() -> None:
    data = np.zeros((4, 4))
    assert default_preset(data, color=True).name == "rgb"
    assert default_preset(data, color=False).name == "percentile"


def test_odd_shapes_are_refused() -> None:
    with pytest.raises(ImageError, match=r"must be \[H, W\]"):
        IntensityWindow(0, 1, "fixed").apply(np.zeros((2, 3, 4, 5)))


@given(st.lists(st.floats(-3000, 3000), min_size=4, max_size=40), st.floats(-500, 0), st.floats(1, 500))
def test_brighter_stays_brighter(values: list[float], low: float, high: float) -> None:
    pixels = np.array([values])
    gray = IntensityWindow(low, high, "fixed").apply(pixels)[0, :, 0].astype(int)
    order = np.argsort(values, kind="stable")
    assert (np.diff(gray[order]) >= 0).all()
