"""Masks and label maps of every kind; what is no mask is refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine import files, phantom
from evanyseg.errors import ImageError
from evanyseg.geometry.volume import Volume
from evanyseg.io.read import read_image, read_segmentation
from evanyseg.io.segmentation import segmentation_of_labels, whole_labels

# ---- masks -------------------------------------------------------------------------------------------------------


def test_black_and_white_pictures_are_one_segment_called_mask(tmp_path: Path) -> None:
    _, mask = phantom.picture()
    for name, pixels in {"l.png": mask.astype(np.uint8) * 255, "one.png": mask}.items():
        found = read_segmentation(files.write_image_2d(tmp_path / name, pixels), binary=name == "one.png")
        assert [s.name for s in found.segments] == ["mask"]
        assert np.array_equal(found.mask(found.segments[0])[0], mask)


def test_gray_masks_saved_as_rgba_are_taken_and_colored_ones_refused(tmp_path: Path) -> None:
    _, mask = phantom.picture()
    rgba = np.dstack([mask * np.uint8(255)] * 3 + [np.full(mask.shape, 255, np.uint8)])
    found = read_segmentation(files.write_image_2d(tmp_path / "a.png", rgba))
    assert np.array_equal(found.mask(found.segments[0])[0], mask)
    rgba[..., 0] = 9
    with pytest.raises(ImageError, match="colour image, not a mask"):
        read_segmentation(files.write_image_2d(tmp_path / "b.png", rgba))


def test_palette_pictures_give_their_indices(tmp_path: Path) -> None:
    from PIL import Image

    labels = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    picture = Image.fromarray(labels, "P")
    picture.putpalette([0, 0, 0, 200, 10, 10, 10, 200, 10])
    picture.save(tmp_path / "p.png")
    found = read_segmentation(tmp_path / "p.png")
    assert [s.value for s in found.segments] == [1, 2]
    assert np.array_equal(found.layers[0][0], labels)


def test_a_jpeg_mask_is_white_above_the_middle(tmp_path: Path) -> None:
    _, mask = phantom.picture()
    found = read_segmentation(files.write_image_2d(tmp_path / "m.jpg", mask.astype(np.uint8) * 255, quality=40))
    assert len(found.segments) == 1
    assert np.array_equal(found.mask(found.segments[0])[0], mask)


def test_float_label_maps_with_whole_values_are_labels(tmp_path: Path) -> None:
    volume = phantom.volume()
    labels = phantom.ball().astype(np.float32) * 3
    found = read_segmentation(files.write_volume(tmp_path / "l.nii.gz", volume, labels))
    assert [s.name for s in found.segments] == ["Label 3"]
    assert found.layers[0].dtype == np.uint8


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (np.array([0.0, 1.5]), "fractions such as 1.5"),
        (np.array([0.0, np.nan]), "not numbers"),
        (np.array([0, -4]), "negative labels"),
        (np.array([0, 2**40]), "more than can be told apart"),
    ],
)
def test_what_is_no_label_map_is_refused(values: np.ndarray, match: str) -> None:
    with pytest.raises(ImageError, match=match):
        whole_labels(values, "x.nrrd")


def test_an_image_given_as_a_mask_is_noticed() -> None:
    labels = np.arange(10000, dtype=np.uint16).reshape(1, 100, 100)
    with pytest.raises(ImageError, match="9999 different labels; is it an image"):
        segmentation_of_labels(labels, Volume(labels, name="ct"))


def test_labels_can_be_named_by_name_id_or_value() -> None:
    labels = np.array([[[0, 2, 5]]], np.uint8)
    found = segmentation_of_labels(labels, Volume(labels, name="l"))
    assert [found.named(n).value for n in ("Label 2", "Label_5", "5")] == [2, 5, 5]
    with pytest.raises(ImageError, match="no segment 'liver' in l; it has Label 2, Label 5"):
        found.named("liver")


def test_a_2d_mask_of_another_shape_is_refused(tmp_path: Path) -> None:
    image = read_image(files.write_image_2d(tmp_path / "i.png", np.zeros((10, 12), np.uint8)))
    mask = read_segmentation(files.write_image_2d(tmp_path / "m.png", np.full((10, 11), 255, np.uint8)))
    with pytest.raises(ImageError, match=r"11 x 10 pixels, the image i\.png is 12 x 10 pixels"):
        mask.on_grid_of(image)
