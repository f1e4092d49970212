"""EvanySeg's published input, against Pillow and torchvision's definition of it."""

import numpy as np
import pytest

from evanyseg.errors import ImageError
from evanyseg.prompts import BoxPrompt
from evanyseg.quality.paper_crop import blended_crop, paper_input, point_box


@pytest.fixture
def scene():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    mask = np.zeros((60, 80), bool)
    mask[20:40, 30:50] = True
    return image, mask


def test_red_is_half_image_half_mask_and_the_rest_is_untouched(scene):
    image, mask = scene
    crop = blended_crop(image, mask, BoxPrompt(25, 15, 55, 45))
    assert crop.shape == (30, 30, 3)
    np.testing.assert_array_equal(crop[..., 1:], image[15:45, 25:55, 1:])
    expected = (0.5 * image[15:45, 25:55, 0] + 0.5 * 255 * mask[15:45, 25:55]).astype(np.uint8)
    np.testing.assert_array_equal(crop[..., 0], expected)


def test_the_published_crop_hides_what_leaks_out_of_the_box(scene):
    image, mask = scene
    leaked = mask.copy()
    leaked[45:60, :20] = True
    box = BoxPrompt(25, 15, 55, 45)
    np.testing.assert_array_equal(blended_crop(image, mask, box), blended_crop(image, leaked, box))


def test_input_equals_pillow_bilinear_within_one_gray_level(scene):
    pil = pytest.importorskip("PIL.Image")
    image, mask = scene
    box = BoxPrompt(25, 15, 55, 40)
    got = paper_input(image, mask, box).numpy()
    resized = np.asarray(pil.fromarray(blended_crop(image, mask, box)).resize((224, 224), pil.Resampling.BILINEAR))
    expected = (resized / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    assert got.shape == (3, 224, 224)
    assert np.abs(got - expected.transpose(2, 0, 1)).max() <= 1.01 / 255 / 0.224


def test_large_crops_are_shrunk_with_antialiasing(scene):
    pil = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (700, 900, 3), dtype=np.uint8)
    mask = np.zeros((700, 900), bool)
    mask[100:600, 200:800] = True
    box = BoxPrompt(0, 0, 900, 700)
    resized = np.asarray(pil.fromarray(blended_crop(image, mask, box)).resize((224, 224), pil.Resampling.BILINEAR))
    expected = (resized / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    assert np.abs(paper_input(image, mask, box).numpy() - expected.transpose(2, 0, 1)).max() <= 1.01 / 255 / 0.224


def test_point_crop_is_the_hull_box_times_one_and_a_half_zero_padded(scene):
    image, _ = scene
    mask = np.zeros((60, 80), bool)
    mask[0:20, 0:40] = True
    box = point_box(mask)
    assert box.as_tuple() == (-10, -5, 50, 25)
    crop = blended_crop(image, mask, box)
    assert crop.shape == (30, 60, 3)
    assert not crop[:5].any()
    assert not crop[:, :10].any()
    np.testing.assert_array_equal(crop[5:, 10:, 1], image[:25, :50, 1])
    np.testing.assert_array_equal(paper_input(image, mask), paper_input(image, mask, box))


def test_box_wholly_off_the_image_is_black(scene):
    image, mask = scene
    assert not blended_crop(image, mask, BoxPrompt(200, 200, 230, 230)).any()


def test_empty_mask_needs_a_box(scene):
    image, mask = scene
    empty = np.zeros_like(mask)
    assert point_box(empty) is None
    with pytest.raises(ImageError, match="empty mask"):
        paper_input(image, empty)
    assert np.isfinite(paper_input(image, empty, BoxPrompt(2, 2, 20, 20)).numpy()).all()


def test_mask_of_another_shape_is_refused(scene):
    image, mask = scene
    with pytest.raises(ImageError, match="paper's crop"):
        blended_crop(image, mask[:30], BoxPrompt(0, 0, 5, 5))
