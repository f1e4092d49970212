"""Training sees slices of volumes as the product shows them: display frame, square pixels, however they are stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from engine import files, phantom
from evanyseg.geometry.anatomy import LPS_TO_RAS
from evanyseg.geometry.volume import Volume
from evanyseg.io.segmentation import segmentation_of_labels
from evanyseg.scoring.stacks import SliceStack
from evanyseg_training.data.prepare import PrepareOptions, build_store
from evanyseg_training.data.readers import Record
from evanyseg_training.data.volumes import VolumeSlices, load_volume
from evanyseg_training.errors import DataError
from orientations import ORIENTATIONS, oriented_matrix, rotation, stored_as

SHAPE = (5, 18, 24)


def lps_volume(array: np.ndarray, ijk_to_ras: np.ndarray, name: str = "") -> Volume:
    matrix = LPS_TO_RAS @ ijk_to_ras
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    return Volume(array, tuple(spacing.tolist()), tuple(matrix[:3, 3].tolist()), matrix[:3, :3] / spacing, name=name)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_one_scan_gives_one_set_of_slices_however_stored(orientation) -> None:
    rng = np.random.default_rng(0)
    image, labels = rng.integers(0, 900, SHAPE).astype(np.int16), rng.integers(0, 3, SHAPE).astype(np.uint8)
    matrix = oriented_matrix(spacing=(1.0, 1.6, 3.0), rotation=rotation(10, 5, -8))
    here = VolumeSlices(lps_volume(image, matrix))
    turned, other = stored_as(image, matrix, *orientation)
    there = VolumeSlices(lps_volume(turned, other))
    label_maps = lps_volume(labels, matrix), lps_volume(stored_as(labels, matrix, *orientation)[0], other)
    backwards = orientation[1][there.planes.axis] < 0
    for index in range(SHAPE[0]):
        same = SHAPE[0] - 1 - index if backwards else index
        np.testing.assert_array_equal(here.image(index), there.image(same))
        np.testing.assert_array_equal(here.labels(label_maps[0], index), there.labels(label_maps[1], same))
        assert here.image(index).shape == (29, 24, 1)  # 18 rows of 1.6 mm are 28.8 of 1 mm
        assert here.labels(label_maps[0], index).shape == (29, 24)


def test_training_and_product_see_the_same_image() -> None:
    volume = phantom.volume(SHAPE, spacing=(1.0, 1.5, 2.0), direction=np.diag([-1.0, 1, -1]))
    labels = phantom.ball(SHAPE).astype(np.uint8)
    stack = SliceStack(volume, segmentation_of_labels(labels, volume))
    slices = VolumeSlices(volume)
    for index in range(SHAPE[0]):
        shown = stack.slice_input(index)
        np.testing.assert_array_equal(slices.image(index), shown.model_image()[..., :1])
        mask = shown.grid.mask(stack.mask(stack.segments[0], index))
        np.testing.assert_array_equal(slices.labels(Volume(labels, volume.spacing, volume.origin, volume.direction),
                                                    index) > 0, mask)  # fmt: skip


def test_a_store_of_a_volume_stored_otherwise_is_the_same_store(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    labels = np.zeros((6, 40, 50), np.uint8)
    labels[1:5, 6:20, 8:40] = 1
    image = (100 * labels + rng.integers(0, 40, labels.shape)).astype(np.int16)
    matrix = oriented_matrix(signs=(-1, -1, 1), spacing=(1, 1, 2))
    stores = []
    for name, orientation in {"a": ((0, 1, 2), (1, 1, 1)), "b": ((2, 0, 1), (1, -1, -1))}.items():
        turned, other = stored_as(image, matrix, *orientation)
        paths = [
            files.write_volume(tmp_path / f"{name}{what}.nii.gz", lps_volume(array, other))
            for what, array in (("i", turned), ("m", stored_as(labels, matrix, *orientation)[0]))
        ]
        record = Record(paths[0], paths[1], "v", "v", "s0", mask_value="1", is_3d=True)
        stores.append(build_store([record], tmp_path / f"store-{name}", PrepareOptions(slices=3)))
    first, second = stores
    assert first.images.slice.tolist() == second.images.slice.tolist() == [1, 3, 4]
    for row in range(3):
        np.testing.assert_array_equal(first.mask(row), second.mask(row))
        np.testing.assert_array_equal(first.image(row), second.image(row))
    assert first.box(0).as_tuple() == (8, 6, 40, 20)


def test_a_mask_that_lies_elsewhere_is_refused(tmp_path: Path) -> None:
    volume = phantom.volume(SHAPE)
    slices = VolumeSlices(volume)
    moved = Volume(phantom.ball(SHAPE).astype(np.uint8), volume.spacing, (0.0, 0.0, 0.0), name="moved.nii")
    with pytest.raises(DataError, match=r"moved\.nii has the size .* but lies elsewhere"):
        slices.labels(moved, 2)
    with pytest.raises(DataError, match="another size"):
        slices.labels(phantom.volume((4, 18, 24)), 2)


def test_the_first_of_several_channels_is_taken(tmp_path: Path) -> None:
    volume = phantom.volume(SHAPE, direction=np.diag([-1.0, -1, 1]))
    both = sitk.JoinSeries([files.sitk_image(volume), files.sitk_image(volume, volume.array * 0)])
    sitk.WriteImage(both, str(tmp_path / "two.nii.gz"))
    found = load_volume(tmp_path / "two.nii.gz")
    np.testing.assert_array_equal(found.array, volume.array)
    np.testing.assert_allclose(found.ijk_to_lps, volume.ijk_to_lps, atol=1e-5)
