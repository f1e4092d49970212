"""The built-in estimator's window: geometry, leakage, borders, and what it costs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from evanyseg.errors import ImageError
from evanyseg.prompts import BoxPrompt
from evanyseg.quality.context import AUXILIARY, ContextWindow, box_coverage, context_input, signed_distance

SHAPE = (100, 140)


def disc(cy, cx, radius, shape=SHAPE):
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(rows - cy, cols - cx) < radius


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (*SHAPE, 3), dtype=np.uint8)


def test_window_is_square_centered_and_wider_than_the_box():
    window = ContextWindow.around(BoxPrompt(40, 30, 80, 50), SHAPE, 1.75)
    assert window.side == 70
    assert (window.x0, window.y0) == (25, 5)


def test_leakage_out_of_the_box_stays_visible(image):
    box = BoxPrompt(50, 30, 90, 70)
    mask = disc(50, 70, 18)
    leaked = mask | ((np.arange(140) > 85) & (np.arange(140) < 98) & (np.arange(100) > 45)[:, None])
    seen, seen_leaked = context_input(image, mask, box), context_input(image, leaked, box)
    assert (seen.pixels[3] != seen_leaked.pixels[3]).sum() > 100
    leak = AUXILIARY.index("leak")
    assert seen.auxiliary[leak] == 0
    assert seen_leaked.auxiliary[leak] == pytest.approx((leaked[:, 90:]).sum() / leaked.sum() + 0.0, abs=0.35)
    assert seen_leaked.auxiliary[leak] > 0.1


def test_mask_beyond_the_window_is_counted(image):
    mask = disc(50, 70, 10)
    mask[:, :5] = True
    seen = context_input(image, mask, BoxPrompt(60, 40, 80, 60))
    assert seen.mask_out == 5 * 100
    assert seen.mask_in == mask.sum() - 500
    assert seen.auxiliary[AUXILIARY.index("mask outside window")] == pytest.approx(500 / mask.sum())


def test_coverage_keeps_the_area():
    big = np.zeros((400, 400, 3), np.uint8)
    mask = disc(200, 200, 80, (400, 400))
    seen = context_input(big, mask, BoxPrompt(120, 120, 280, 280))
    share = seen.pixels[3].mean() / 255
    assert share * seen.window.side**2 == pytest.approx(mask.sum(), rel=0.01)


def test_without_a_box_the_masks_own_is_used_and_said(image):
    mask = disc(50, 70, 15)
    own = BoxPrompt.of_mask(mask)
    with_box, without = context_input(image, mask, own), context_input(image, mask)
    assert with_box.window == without.window
    np.testing.assert_array_equal(with_box.pixels[:4], without.pixels[:4])
    assert without.pixels[4].max() == 0
    assert (without.auxiliary[0], with_box.auxiliary[0]) == (0, 1)


def test_edges_are_repeated_for_the_image_and_empty_for_the_mask(image):
    image[:, 0] = 200
    mask = np.zeros(SHAPE, bool)
    mask[40:60, :20] = True
    seen = context_input(image, mask, BoxPrompt(0, 40, 20, 60))
    assert seen.window.x0 < 0
    assert (seen.pixels[:3, 60, :20] == 200).all()
    assert seen.pixels[3, 60, :20].max() == 0
    assert seen.auxiliary[AUXILIARY.index("window off image")] > 0.1


def test_maps_are_pasted_back_where_they_came_from(image):
    mask = disc(50, 70, 20)
    seen = context_input(image, mask, BoxPrompt(45, 25, 95, 75))
    back = seen.window.paste(seen.pixels[3].astype(np.float32) / 255)
    assert back.shape == SHAPE
    assert np.abs(back - mask)[1:-1, 1:-1].mean() < 0.02
    assert back[:, :20].max() == 0


@settings(max_examples=40, deadline=None)
@given(
    st.integers(-40, 130),
    st.integers(-40, 90),
    st.integers(2, 120),
    st.integers(2, 120),
    st.sampled_from([1.3, 1.75, 2.5]),
)
def test_any_box_gives_finite_input_and_exact_pasting(x0, y0, width, height, factor):
    box = BoxPrompt(x0, y0, x0 + width, y0 + height)
    image = np.full((*SHAPE, 3), 7, np.uint8)
    seen = context_input(image, disc(50, 70, 12), box, factor)
    assert np.isfinite(seen.auxiliary).all()
    window = seen.window
    ones = window.paste(np.ones((64, 64), np.float32))
    inside = np.zeros(SHAPE, bool)
    x_from, y_from, x_to, y_to = window.clipped
    inside[y_from:y_to, x_from:x_to] = True
    np.testing.assert_allclose(ones, inside, atol=1e-5)
    everywhere = window.paste(np.ones((64, 64), np.float32), beyond=1.0)
    np.testing.assert_allclose(everywhere, 1.0, atol=1e-5)


def test_box_coverage_is_exact_for_fractional_edges():
    window = ContextWindow(0, 0, 8, (8, 8))
    plane = box_coverage(BoxPrompt(1.5, 2.0, 5.0, 4.0), window, 8) / 255
    assert plane[2, 1] == pytest.approx(0.5, abs=0.003)
    assert plane[3, 4] == 1
    assert plane.sum() == pytest.approx(7.0, abs=0.01)


def test_signed_distance_is_negative_inside_and_cut_off():
    mask = np.zeros((64, 64), np.uint8)
    mask[20:44, 20:44] = 255
    distance = signed_distance(mask)
    assert distance.shape == (32, 32)
    assert distance[16, 16] == pytest.approx(-6 / 12)
    assert distance[0, 0] == 1
    assert (signed_distance(np.zeros((64, 64), np.uint8)) == 1).all()
    assert (signed_distance(np.full((64, 64), 255, np.uint8)) == -1).all()


def test_shapes_that_do_not_fit_are_refused(image):
    with pytest.raises(ImageError, match="Need an image"):
        context_input(image, np.ones((3, 3), bool))
    with pytest.raises(ImageError, match="empty mask"):
        context_input(image, np.zeros(SHAPE, bool))


def test_nothing_slow_is_done_on_a_whole_large_image(monkeypatch):
    """Distances are those of the network's window: their cost does not grow with the image (`dev.py bench throughput`
    has the milliseconds)."""
    sizes, measured = [], ndimage.distance_transform_edt
    spy = lambda array, **options: sizes.append(array.shape) or measured(array, **options)
    monkeypatch.setattr(ndimage, "distance_transform_edt", spy)
    image = np.random.default_rng(0).integers(0, 256, (512, 512, 3), dtype=np.uint8)
    context_input(image, disc(256, 256, 120, (512, 512)), None)
    assert sizes
    assert max(max(size) for size in sizes) <= 64


def test_masks_of_one_box_share_what_its_window_shows(image):
    box, shown = BoxPrompt(30, 20, 90, 70), {}
    for radius in (8, 14):
        mask = disc(45, 60, radius)
        shared, alone = context_input(image, mask, box, shown=shown), context_input(image, mask, box)
        np.testing.assert_array_equal(shared.pixels, alone.pixels)
    assert len(shown) == 1
    kept = next(iter(shown.values())).pixels.copy()
    context_input(image, mask, BoxPrompt(20, 20, 80, 70), shown=shown)
    assert len(shown) == 2
    np.testing.assert_array_equal(next(iter(shown.values())).pixels, kept)
