"""A DICOM series is a straight, even stack of slices in mm, or it is refused with the reason."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from engine import dicom_files, files, phantom
from engine.cli_fixtures import E
from evanyseg.errors import GeometryError, ImageError
from evanyseg.geometry.volume import same_geometry
from evanyseg.io.read import read_image

SHAPE = (7, 20, 16)
TILTED = np.array([[0.96, -0.28, 0.0], [0.28, 0.96, 0.0], [0.0, 0.0, 1.0]])


def oblique(degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ TILTED


def write(folder: Path, place: Callable[[int, np.ndarray], np.ndarray] | None = None, direction=None, **values) -> Path:
    """The phantom, a file a slice, names in no order; `place` moves slice k away from its position."""
    volume = phantom.volume(SHAPE, spacing=(0.7, 0.9, 3.0), direction=direction)
    folder.mkdir(parents=True, exist_ok=True)
    names = np.random.default_rng(1).permutation(SHAPE[0])
    cosines = tuple(np.asarray(volume.direction)[:, :2].T.ravel())
    for k in range(SHAPE[0]):
        position = (volume.ijk_to_lps @ [0, 0, k, 1.0])[:3]
        position = position if place is None else place(k, position)
        given = {key: value(k) if callable(value) else value for key, value in values.items()}
        path = folder / f"{names[k]:02d}.dcm"
        dicom_files.write_slice(path, volume.array[k], 16, tuple(position), cosines, (0.9, 0.7), **given)
    return folder


@pytest.mark.parametrize("direction", [np.eye(3), TILTED, oblique(37), np.array([[0, 0, -1], [1, 0, 0], [0, -1, 0.0]])])
def test_a_series_is_what_itk_reads(tmp_path: Path, direction: np.ndarray) -> None:
    folder = write(tmp_path / "s", direction=direction)
    got = read_image(folder)
    expected = phantom.volume(SHAPE, spacing=(0.7, 0.9, 3.0), direction=direction)
    assert same_geometry(got, expected)
    assert np.array_equal(got.array, expected.array)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    other = reader.Execute()
    assert np.array_equal(sitk.GetArrayFromImage(other), got.array)
    assert np.allclose(other.GetOrigin(), got.origin, atol=1e-4)
    assert np.allclose(other.GetSpacing(), got.spacing, atol=1e-5)
    assert np.allclose(other.GetDirection(), np.ravel(got.direction), atol=1e-5)


@pytest.mark.parametrize("degrees", [3, 15, -20])
def test_a_gantry_tilt_is_refused_with_its_angle(tmp_path: Path, degrees: float) -> None:
    step = 3.0 * np.tan(np.radians(degrees))
    folder = write(tmp_path / "s", lambda k, p: p + np.array([0, step * k, 0]))
    with pytest.raises(
        GeometryError, match=r"shifted in its plane by .* mm against the one before .a gantry"
    ) as caught:
        read_image(folder)
    text = str(caught.value)
    assert f"by {abs(step):.3g} mm" in text
    assert f"tilt of {abs(degrees):.3g} degrees" in text
    assert f"{abs(step) * 6:.3g} mm at the last slice" in text


def test_slices_that_lie_beside_each_other_are_refused_and_rounding_is_not(tmp_path: Path) -> None:
    random = np.random.default_rng(0).uniform(-1, 1, (SHAPE[0], 3)) * [1, 1, 0]
    with pytest.raises(GeometryError, match="mm beside each other in their plane"):
        read_image(write(tmp_path / "far", lambda k, p: p + 2 * random[k]))
    near = read_image(write(tmp_path / "near", lambda k, p: p + 0.05 * random[k]))
    assert near.shape == SHAPE


def test_a_turned_slice_is_named(tmp_path: Path) -> None:
    turned = lambda k: [0, 1, 0, 0, 0, -1] if k == 4 else [1, 0, 0, 0, 1, 0]
    folder = write(tmp_path / "s")
    for k, path in enumerate(sorted(folder.iterdir())):
        header = pydicom.dcmread(path)
        header.ImageOrientationPatient = turned(k)
        header.save_as(path)
    with pytest.raises(GeometryError, match=r"differ in orientation or pixel size \(04\.dcm"):
        read_image(folder)


def test_gaps_and_their_place_are_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "s", lambda k, p: p + np.array([0, 0, 3.0 * (k > 3)]))
    with pytest.raises(GeometryError, match=r"3 to 6 mm; the widest gap is between \d\d\.dcm and \d\d\.dcm\): is one"):
        read_image(folder)


@pytest.mark.parametrize("keyword", ["EchoTime", "AcquisitionNumber", "TemporalPositionIdentifier"])
def test_phases_say_what_tells_them_apart(tmp_path: Path, keyword: str) -> None:
    folder = write(tmp_path / "s", **{keyword: 1})
    other = write(tmp_path / "t", **{keyword: 2})
    for path in other.iterdir():
        shutil.move(path, folder / f"t{path.name}")
    with pytest.raises(GeometryError, match=rf"up to 2 slices at one position \({keyword} 1(\.0)?, 2(\.0)?\)"):
        read_image(folder)


def test_copies_of_a_file_count_once(tmp_path: Path) -> None:
    folder = write(tmp_path / "s")
    (folder / "again").mkdir()
    for path in sorted(folder.glob("*.dcm"))[:3]:
        shutil.copy(path, folder / "again" / path.name)
    got = read_image(folder)
    assert got.shape == SHAPE
    assert got.source.remarks == ("Left out: 3 files that are copies of others.",)


def test_localizers_of_the_same_series_are_left_out_and_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "s", ImageType=["ORIGINAL", "PRIMARY", "AXIAL"])
    dicom_files.write_slice(folder / "scout.dcm", np.zeros((64, 48), np.int16), 16, (0, 0, 0), (0, 1, 0, 0, 0, -1),
                            ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])  # fmt: skip
    got = read_image(folder)
    assert got.shape == SHAPE
    assert got.source.remarks[0] == "Left out: 1 localizer images of the same series (scout.dcm)."


def test_a_series_in_sub_folders_is_found(tmp_path: Path) -> None:
    flat = read_image(write(tmp_path / "s"))
    for n, path in enumerate(sorted((tmp_path / "s").iterdir())):
        part = tmp_path / "s" / f"part{n % 3}" / "deep"
        part.mkdir(parents=True, exist_ok=True)
        path.rename(part / f"IM{n:06d}")
    (tmp_path / "s" / "README.txt").write_text("not an image")
    (tmp_path / "s" / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    deep = read_image(tmp_path / "s")
    assert same_geometry(deep, flat)
    assert np.array_equal(deep.array, flat.array)


def test_several_series_are_listed_with_what_tells_them_apart(tmp_path: Path) -> None:
    write(tmp_path / "s" / "a", SeriesDescription="thorax 5 mm", SeriesInstanceUID="1.2.3")
    write(tmp_path / "s" / "b", SeriesDescription="lung 1 mm", SeriesInstanceUID="1.2.4", Modality="CT")
    with pytest.raises(ImageError, match=r"2 DICOM series; name one with --series: 1\.2\.3 \(CT, thorax 5 mm, 7 files"):
        read_image(tmp_path / "s")
    assert read_image(tmp_path / "s", "1.2.4").shape == SHAPE
    with pytest.raises(ImageError, match=r"holds no series 9\.9; it has 1\.2\.3, 1\.2\.4"):
        read_image(tmp_path / "s", "9.9")


def test_a_report_beside_the_images_is_no_second_series(tmp_path: Path) -> None:
    folder = write(tmp_path / "s")
    made = dicom_files.dataset("1.2.840.10008.5.1.4.1.1.88.11", Modality="SR", SeriesInstanceUID="1.2.9")
    pydicom.dcmwrite(folder / "report.dcm", made, enforce_file_format=True)
    assert read_image(folder).shape == SHAPE


def test_a_folder_without_images_says_what_it_holds(tmp_path: Path) -> None:
    for n in range(3):
        files.write_image_2d(tmp_path / f"{n}.png", np.zeros((4, 4), np.uint8))
    made = dicom_files.dataset("1.2.840.10008.5.1.4.1.1.88.11", Modality="SR")
    pydicom.dcmwrite(tmp_path / "r.dcm", made, enforce_file_format=True)
    with pytest.raises(ImageError, match=r"3 x a PNG image, 1 x a structured report \(SR\)"):
        read_image(tmp_path)


def test_slices_without_a_place_make_no_volume(tmp_path: Path) -> None:
    folder = write(tmp_path / "s", ImagePositionPatient=None)
    with pytest.raises(GeometryError, match="7 of the 7 files in s do not say where they lie"):
        read_image(folder)


def test_slices_of_two_sizes_make_no_volume(tmp_path: Path) -> None:
    folder = write(tmp_path / "s")
    dicom_files.write_slice(folder / "x.dcm", np.zeros((8, 8), np.int16), 16, (-20, 5, 130.0))
    with pytest.raises(GeometryError, match="differ in size"):
        read_image(folder)


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><html>", b"version https://git-lfs.github.com/spec/v1\n"])
@pytest.mark.parametrize("name", ["00.dcm", "06.dcm"])
def test_a_member_that_is_no_dicom_file_ends_the_series(tmp_path: Path, name: str, content: bytes) -> None:
    folder = write(tmp_path / "s")
    (folder / name).write_bytes(content)
    with pytest.raises(ImageError, match=rf"{name} cannot be read: it is"):
        read_image(folder)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.999])
def test_a_cut_member_ends_the_series_wherever_it_stands(tmp_path: Path, share: float) -> None:
    folder = write(tmp_path / "s")
    for path in sorted(folder.iterdir()):
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(ImageError, match=path.name):
            read_image(folder)
        path.write_bytes(whole)
    assert read_image(folder).shape == SHAPE


# ---- values ------------------------------------------------------------------------------------------------------


def test_hounsfield_units_are_small_integers(tmp_path: Path) -> None:
    got = read_image(write(tmp_path / "s", RescaleSlope=1, RescaleIntercept=-1024, RescaleType="HU", BitsStored=12))
    assert got.array.dtype in (np.int16, np.int32)
    assert np.array_equal(got.array, phantom.volume(SHAPE).array.astype(int) - 1024)
    assert (got.source.modality, got.source.hounsfield) == ("CT", True)


def test_slices_with_slopes_of_their_own_keep_their_fractions(tmp_path: Path) -> None:
    slope = lambda k: 1.0 if k == 0 else round(0.1 + 0.037 * k, 4)
    got = read_image(write(tmp_path / "s", RescaleSlope=slope, RescaleIntercept=0, Modality="PT"))
    expected = np.stack([phantom.volume(SHAPE).array[k] * slope(k) for k in range(SHAPE[0])])
    assert np.allclose(got.array, expected, atol=1e-3)
    assert not got.source.hounsfield


@pytest.mark.parametrize("values", [{"Modality": "MR"}, {"RescaleIntercept": None}, {"RescaleType": "US"}])
def test_only_a_calibrated_ct_is_in_hounsfield_units(tmp_path: Path, values: dict) -> None:
    given = {"RescaleSlope": 1, "RescaleIntercept": -1024, "RescaleType": "HU", **values}
    if given["RescaleIntercept"] is None:
        del given["RescaleIntercept"], given["RescaleSlope"]
    assert not read_image(write(tmp_path / "s", **given)).source.hounsfield


def test_padding_is_left_out_of_the_window_and_black(evanyseg, tmp_path: Path) -> None:
    from evanyseg.pipeline.intensity import window_of

    for value, limit in ((-2000, None), (30000, 30010)):
        folder = tmp_path / f"s{value}"
        write(folder, Modality="MR", PixelPaddingValue=value, **({"PixelPaddingRangeLimit": limit} if limit else {}))
        clean = window_of(read_image(folder))
        for path in folder.iterdir():
            header = pydicom.dcmread(path)
            pixels = header.pixel_array.copy()
            pixels[:, :6] = value if limit is None else np.arange(6) + value
            header.PixelData = pixels.tobytes()
            header.save_as(path)
        volume = read_image(folder)
        window = window_of(volume)
        assert volume.source.padding == (value, limit or value)
        assert abs(window.low - clean.low) <= 3
        assert abs(window.high - clean.high) <= 3
        shown = window.apply(volume.array[3])
        assert not shown[:, :6].any()
        assert shown[10, 8].max() > 200


def test_the_modality_chooses_the_window_and_that_is_said(evanyseg, tmp_path: Path) -> None:
    hounsfield = {"RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "HU"}
    folder = write(tmp_path / "s", **hounsfield)
    mask = files.write_volume(tmp_path / "m.nii.gz", read_image(folder), phantom.ball(SHAPE))
    code, _, err = evanyseg("score", folder, mask, *E)
    assert code == 0, err
    text = " ".join(err.split())
    assert "shown by ct-soft [-160, 240]; --intensity ct-lung, ct-bone, ... chooses another window" in text
    err = evanyseg("score", folder, mask, *E, "--intensity", "percentile", "-o", tmp_path / "s.csv")[2]
    assert "Hounsfield" not in err
    assert "percentile" in (tmp_path / "s.csv").read_text()
    mr = write(tmp_path / "mr", Modality="MR")
    assert "Hounsfield" not in evanyseg("score", mr, mask, *E)[2]
    code, _, err = evanyseg("segment", folder, "--slice", 3, "--box", 1, 1, 15, 19, "--box-frame", "display", "-o",
                            tmp_path / "o.nrrd", *E, "--segmenter", "bright-box")  # fmt: skip
    assert (code, "ct-soft" in err) == (0, True), err
