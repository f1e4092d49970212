"""Every file format comes in with its voxels and its geometry; what cannot be used is refused in one sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from engine import dicom_files, files, phantom
from evanyseg.errors import GeometryError, ImageError
from evanyseg.geometry.plane_stack import stack_of
from evanyseg.geometry.volume import same_geometry
from evanyseg.io.read import read_image

TILT = np.array([[0.96, -0.28, 0.0], [0.28, 0.96, 0.0], [0.0, 0.0, 1.0]])


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".webp"])
def test_gray_pictures_come_in_exactly(tmp_path: Path, suffix: str) -> None:
    pixels, _ = phantom.picture()
    path = files.write_image_2d(tmp_path / f"a{suffix}", pixels, **({"lossless": True} if suffix == ".webp" else {}))
    volume = read_image(path)
    assert volume.planar
    assert not volume.has_geometry
    got = volume.array[0] if volume.array.ndim == 3 else volume.array[0, ..., 0]  # WebP has no grey
    assert np.array_equal(got, pixels)


def test_a_jpeg_comes_in_within_its_compression(tmp_path: Path) -> None:
    pixels, _ = phantom.picture()
    volume = read_image(files.write_image_2d(tmp_path / "a.jpg", pixels, quality=95))
    assert np.abs(volume.array[0].astype(int) - pixels).mean() < 3


@pytest.mark.parametrize("channels", [3, 4])
def test_color_pictures_keep_their_channels(tmp_path: Path, channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (20, 30, channels), dtype=np.uint8)
    volume = read_image(files.write_image_2d(tmp_path / "a.png", pixels))
    assert volume.color
    assert np.array_equal(volume.array[0], pixels)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_pictures_keep_their_depth(tmp_path: Path, suffix: str) -> None:
    pixels = (np.arange(600, dtype=np.uint16) * 100).reshape(20, 30)
    volume = read_image(files.write_image_2d(tmp_path / f"a{suffix}", pixels))
    assert np.array_equal(volume.array[0], pixels)


def test_a_photo_taken_sideways_is_turned_upright(tmp_path: Path) -> None:
    from PIL import Image

    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[:5] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # stored turned: rotate by 90 degrees to show
    volume = read_image(files.write_image_2d(tmp_path / "a.png", pixels, exif=exif))
    assert volume.shape == (1, 30, 20)
    assert volume.array[0, :, -5:].min() == 255


def test_a_tiff_of_several_pages_is_refused(tmp_path: Path) -> None:
    from PIL import Image

    page = Image.fromarray(np.zeros((8, 8), np.uint8))
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page, page])
    with pytest.raises(GeometryError, match="3 pages without a spacing"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha", ".mhd"])
def test_volumes_keep_voxels_and_oblique_geometry(tmp_path: Path, suffix: str) -> None:
    volume = phantom.volume((5, 12, 10), spacing=(0.7, 1.3, 4.0), direction=TILT)
    got = read_image(files.write_volume(tmp_path / f"v{suffix}", volume))
    assert np.array_equal(got.array, volume.array)
    assert same_geometry(got, volume)
    assert np.allclose(got.ijk_to_lps, volume.ijk_to_lps, atol=1e-4)


def test_a_dicom_folder_and_one_of_its_files(tmp_path: Path) -> None:
    volume = phantom.volume((6, 16, 12), spacing=(0.8, 0.9, 3.0), direction=TILT)
    folder = files.write_dicom_series(tmp_path / "series", volume)
    got = read_image(folder)
    assert np.array_equal(got.array, volume.array)
    assert same_geometry(got, volume)
    single = read_image(sorted(folder.iterdir())[2])
    assert single.shape == (1, 16, 12)
    assert np.array_equal(single.array[0], volume.array[2])


def test_a_folder_with_two_series_asks_which_one(tmp_path: Path) -> None:
    volume = phantom.volume((3, 8, 8))
    files.write_dicom_series(tmp_path / "d", volume, "1.2.826.1")
    files.write_dicom_series(tmp_path / "d", replace(volume, array=volume.array + 1), "1.2.826.7")
    with pytest.raises(ImageError, match=r"holds 2 DICOM series; name one with --series"):
        read_image(tmp_path / "d")
    try:
        read_image(tmp_path / "d")
    except ImageError as error:
        uids = [part.split(" (")[0] for part in str(error).split("--series: ")[1].split("; ")]
    found = {int(read_image(tmp_path / "d", uid).array[0, 0, 0]) for uid in uids}
    assert found == {int(volume.array[0, 0, 0]), int(volume.array[0, 0, 0]) + 1}


def test_a_series_with_a_missing_slice_is_refused(tmp_path: Path) -> None:
    files.write_dicom_series(tmp_path / "d", phantom.volume((6, 8, 8)), skip=3)
    with pytest.raises(GeometryError, match=r"unevenly spaced .* is one missing"):
        read_image(tmp_path / "d")


def test_a_series_with_two_images_at_each_place_is_a_time_series(tmp_path: Path) -> None:
    volume = phantom.volume((3, 8, 8))
    one = files.write_dicom_series(tmp_path / "a", volume, "1.2.826.1")
    two = files.write_dicom_series(tmp_path / "b", volume, "1.2.826.1")
    for path in two.iterdir():  # same series, other instances
        image = sitk.ReadImage(str(path))
        for key in image.GetMetaDataKeys():
            image.SetMetaData(key, image.GetMetaData(key))
        image.SetMetaData("0008|0018", image.GetMetaData("0008|0018").strip("\0 ") + ".9")
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetFileName(str(one / f"t{path.name}"))
        writer.Execute(image)
    with pytest.raises(GeometryError, match="time series"):
        read_image(one)


def test_an_empty_folder_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="holds no DICOM series"):
        read_image(tmp_path)
    with pytest.raises(ImageError, match="There is no file"):
        read_image(tmp_path / "gone.nii.gz")
    with pytest.raises(ImageError, match="There is no file"):
        read_image(tmp_path / "gone.png")


@pytest.mark.parametrize("name", ["a.png", "a.nrrd", "a.nii.gz"])
def test_a_broken_file_is_named_without_a_traceback(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"not an image at all")
    with pytest.raises(ImageError, match=f"{name} cannot be read"):
        read_image(tmp_path / name)


def test_a_truncated_volume_is_refused(tmp_path: Path) -> None:
    path = files.write_volume(tmp_path / "v.mha", phantom.volume())
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ImageError, match=r"v\.mha is cut off: it holds 95.7 % of the voxels"):
        read_image(path)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_a_time_series_is_refused(tmp_path: Path, suffix: str) -> None:
    image = sitk.GetImageFromArray(np.zeros((4, 5, 8, 8), np.int16), isVector=False)
    sitk.WriteImage(image, str(tmp_path / f"t{suffix}"))
    with pytest.raises(GeometryError, match=r"time series of 4 volumes \(4D\)"):
        read_image(tmp_path / f"t{suffix}")


def test_a_4d_file_of_one_volume_is_that_volume(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(np.arange(2 * 3 * 4, dtype=np.int16).reshape(1, 2, 3, 4), isVector=False)
    sitk.WriteImage(image, str(tmp_path / "t.nii.gz"))
    assert np.array_equal(read_image(tmp_path / "t.nii.gz").array.ravel(), np.arange(24))


def test_vectors_that_are_no_colors_are_refused(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(np.zeros((3, 8, 8, 6), np.float32), isVector=True)
    sitk.WriteImage(image, str(tmp_path / "v.nrrd"))
    with pytest.raises(GeometryError, match="6 values per voxel"):
        read_image(tmp_path / "v.nrrd")


def test_a_color_volume_keeps_its_channels(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 255, (3, 8, 9, 3), dtype=np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=True), str(tmp_path / "v.nrrd"))
    volume = read_image(tmp_path / "v.nrrd")
    assert volume.color
    assert np.array_equal(volume.array, array)


def test_a_2d_nifti_is_a_picture_with_a_spacing(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(np.arange(12, dtype=np.int16).reshape(3, 4))
    image.SetSpacing((0.5, 0.7))
    sitk.WriteImage(image, str(tmp_path / "s.nii.gz"))
    volume = read_image(tmp_path / "s.nii.gz")
    assert volume.planar
    assert volume.shape == (1, 3, 4)
    assert stack_of(volume).spacing == pytest.approx((0.7, 0.5))


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("several", [False, True])
def test_low_is_white_gives_the_picture_that_everybody_sees(tmp_path: Path, bits: int, several: bool) -> None:
    top = 2**bits - 1
    seen = (phantom.ball((3, 20, 24)) * (top // 2) + np.arange(24)).astype(np.uint16)
    for name, stored in {"MONOCHROME1": top - seen, "MONOCHROME2": seen}.items():
        folder = tmp_path / name
        folder.mkdir()
        for k, pixels in enumerate(stored[: 3 if several else 1]):
            dicom_files.write_slice(folder / f"{k}.dcm", pixels, bits, (0, 0, 2.0 * k), PhotometricInterpretation=name)
        got = read_image(folder if several else folder / "0.dcm")
        assert np.array_equal(got.array, seen[: 3 if several else 1]), name


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("i.nrrd", b"space directions", b'space units: "um" "um" "um"\nspace directions'),
        ("i.mha", b"NDims = 3\n", b"NDims = 3\nDistanceUnits = um\n"),
    ],
)
def test_a_unit_that_is_not_mm_is_told(tmp_path: Path, name: str, old: bytes, new: bytes) -> None:
    volume = phantom.volume((4, 6, 5), spacing=(0.7, 1.1, 2.3))
    path = files.write_volume(tmp_path / name, volume)
    assert read_image(path).source.remarks == ()
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    got = read_image(path)
    assert np.allclose(got.spacing, volume.spacing)
    assert got.source.remarks == (
        f"{name} counts in 'um'; as ITK and Slicer do, that is taken for mm, wherever mm are told.",
    )
    path.write_bytes(path.read_bytes().replace(b"um", b"mm"))
    assert read_image(path).source.remarks == ()
