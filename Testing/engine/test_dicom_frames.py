"""Frames: of an enhanced object by their place in space, of a film by their number."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedCTImageStorage, EnhancedMRImageStorage, UltrasoundMultiFrameImageStorage

from engine import dicom_files, files, phantom
from engine.cli_fixtures import E, S, table
from evanyseg.errors import GeometryError, ImageError
from evanyseg.geometry.volume import same_geometry
from evanyseg.io.read import read_image

SHAPE = (6, 20, 16)
TILTED = np.array([[0.96, -0.28, 0.0], [0.28, 0.96, 0.0], [0.0, 0.0, 1.0]])


def item(**values: object) -> Dataset:
    made = Dataset()
    for key, value in values.items():
        setattr(made, key, value)
    return made


def enhanced(path: Path, order: list[int], array=None, change=None, direction=None, **values: object) -> Path:
    """Frames of the phantom in this order of slices; `change(group, number, slice)` edits a frame's group."""
    volume = phantom.volume(SHAPE, spacing=(0.7, 0.9, 3.0), direction=direction)
    made = dicom_files.dataset(EnhancedCTImageStorage, NumberOfFrames=len(order), **values)
    dicom_files.set_pixels(made, (volume.array if array is None else array)[order], 16)
    cosines = [float(v) for v in np.asarray(volume.direction)[:, :2].T.ravel()]
    made.SharedFunctionalGroupsSequence = [
        item(
            PlaneOrientationSequence=[item(ImageOrientationPatient=cosines)],
            PixelMeasuresSequence=[item(PixelSpacing=[0.9, 0.7], SliceThickness=9.0)],
            PixelValueTransformationSequence=[item(RescaleIntercept=0.0, RescaleSlope=1.0, RescaleType="HU")],
        )
    ]
    made.PerFrameFunctionalGroupsSequence = []
    for number, k in enumerate(order):
        position = [float(v) for v in (volume.ijk_to_lps @ [0, 0, k, 1.0])[:3]]
        group = item(
            FrameContentSequence=[item(StackID="1", InStackPositionNumber=k + 1, TemporalPositionIndex=1)],
            PlanePositionSequence=[item(ImagePositionPatient=position)],
        )
        if change is not None:
            change(group, number, k)
        made.PerFrameFunctionalGroupsSequence.append(group)
    pydicom.dcmwrite(path, made, enforce_file_format=True)
    return path


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [0, 2, 4, 1, 3, 5], [5, 4, 3, 2, 1, 0], [3, 0, 5, 1, 4, 2]])
@pytest.mark.parametrize("direction", [np.eye(3), TILTED])
def test_frames_are_sorted_by_their_place(tmp_path: Path, order: list[int], direction: np.ndarray) -> None:
    expected = phantom.volume(SHAPE, spacing=(0.7, 0.9, 3.0), direction=direction)
    got = read_image(enhanced(tmp_path / "e.dcm", order, direction=direction))
    assert np.array_equal(got.array, expected.array)
    assert same_geometry(got, expected)
    assert got.source.hounsfield


def test_interleaved_frames_score_as_the_sorted_volume(evanyseg, tmp_path: Path) -> None:
    volume = phantom.volume(SHAPE, spacing=(0.7, 0.9, 3.0))
    mask = files.write_volume(tmp_path / "m.nii.gz", volume, phantom.ball(SHAPE))
    plain = files.write_volume(tmp_path / "v.nii.gz", volume)
    mixed = enhanced(tmp_path / "e.dcm", [0, 2, 4, 1, 3, 5])
    rows = []
    for image in (plain, mixed):
        code, _, err = evanyseg("score", image, mask, *E, "--intensity", "percentile", "-o", tmp_path / "s.csv")
        assert code == 0, err
        rows.append(table(tmp_path / "s.csv"))
    assert rows[0] == rows[1]


def test_missing_frames_and_undescribed_ones_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GeometryError, match=r"unevenly spaced .* is one missing"):
        read_image(enhanced(tmp_path / "e.dcm", [0, 1, 2, 4, 5]))
    path = enhanced(tmp_path / "f.dcm", [0, 1, 2, 3, 4, 5])
    header = pydicom.dcmread(path)
    header.PerFrameFunctionalGroupsSequence = header.PerFrameFunctionalGroupsSequence[:4]
    header.save_as(path)
    with pytest.raises(ImageError, match="has 6 frames but describes 4: frames are missing"):
        read_image(path)
    header.NumberOfFrames = 4
    header.save_as(path)
    with pytest.raises(ImageError, match=r"f\.dcm"):
        read_image(path)  # the pixels of six


def test_several_phases_are_refused_with_what_tells_them_apart(tmp_path: Path) -> None:
    order = [0, 1, 2, 3, 4, 5] * 2

    def later(group: Dataset, number: int, k: int) -> None:
        group.FrameContentSequence[0].TemporalPositionIndex = 1 + number // 6

    with pytest.raises(GeometryError, match=r"up to 2 slices at one position \(TemporalPositionIndex 1, 2\)"):
        read_image(enhanced(tmp_path / "t.dcm", order, change=later))

    def echo(group: Dataset, number: int, k: int) -> None:
        group.MREchoSequence = [item(EffectiveEchoTime=20.0 + 40 * (number // 6))]

    path = enhanced(tmp_path / "m.dcm", order, change=echo, SOPClassUID=EnhancedMRImageStorage, Modality="MR")
    with pytest.raises(GeometryError, match=r"EffectiveEchoTime 20\.0, 60\.0"):
        read_image(path)


def test_frames_shifted_in_their_plane_and_turned_ones_are_refused(tmp_path: Path) -> None:
    def tilt(group: Dataset, number: int, k: int) -> None:
        place = group.PlanePositionSequence[0]
        place.ImagePositionPatient = [place.ImagePositionPatient[0], place.ImagePositionPatient[1] + 0.8 * k,
                                      place.ImagePositionPatient[2]]  # fmt: skip

    with pytest.raises(GeometryError, match="gantry tilt of 14"):
        read_image(enhanced(tmp_path / "t.dcm", [0, 1, 2, 3, 4, 5], change=tilt))

    def turn(group: Dataset, number: int, k: int) -> None:
        if k == 2:
            group.PlaneOrientationSequence = [item(ImageOrientationPatient=[0, 1, 0, 0, 0, -1])]

    with pytest.raises(GeometryError, match=r"differ in orientation or pixel size \(frame 3"):
        read_image(enhanced(tmp_path / "u.dcm", [0, 1, 2, 3, 4, 5], change=turn))


def test_each_frame_has_its_own_scale(tmp_path: Path) -> None:
    def scale(group: Dataset, number: int, k: int) -> None:
        group.PixelValueTransformationSequence = [item(RescaleIntercept=-k, RescaleSlope=0.5 + k, RescaleType="US")]

    got = read_image(enhanced(tmp_path / "e.dcm", [3, 0, 5, 1, 4, 2], change=scale))
    expected = np.stack([phantom.volume(SHAPE).array[k] * (0.5 + k) - k for k in range(6)])
    assert np.allclose(got.array, expected)
    assert not got.source.hounsfield


def film(path: Path, frames: np.ndarray, syntax: str = "native", **values: object) -> Path:
    color = frames.ndim == 4
    made = dicom_files.dataset(
        UltrasoundMultiFrameImageStorage, Modality="US", NumberOfFrames=len(frames), FrameTime=33,
        SamplesPerPixel=3 if color else 1, **values,
    )  # fmt: skip
    dicom_files.set_pixels(made, frames, 8)
    if syntax != "native":
        made.compress(syntax, generate_instance_uid=False)
    pydicom.dcmwrite(path, made, enforce_file_format=True)
    return path


def moving(count: int = 5) -> tuple[np.ndarray, list[np.ndarray]]:
    pixels, mask = phantom.picture()
    return np.stack([np.roll(pixels, 3 * n, axis=1) for n in range(count)]), [
        np.roll(mask, 3 * n, axis=1) for n in range(count)
    ]


@pytest.mark.parametrize("syntax", ["native", pydicom.uid.RLELossless])
@pytest.mark.parametrize("color", [False, True])
def test_a_film_gives_the_frame_that_was_named(tmp_path: Path, syntax: str, color: bool) -> None:
    frames, _ = moving()
    stored = np.stack([frames, frames // 2, frames // 3], axis=-1) if color else frames
    path = film(tmp_path / "cine.dcm", stored, syntax)
    with pytest.raises(GeometryError, match=r"cine\.dcm is a film of 5 frames, .*name one with --slice \(0 to 4\)"):
        read_image(path)
    with pytest.raises(GeometryError, match=r"no frame 5 in cine\.dcm; frames go from 0 to 4"):
        read_image(path, frame=5)
    for n in range(5):
        got = read_image(path, frame=n)
        assert np.array_equal(got.array[0], stored[n])
        assert (got.planar, got.source.frame, got.name) == (True, n, f"cine.dcm, frame {n}")


def test_score_segment_and_select_on_a_frame(evanyseg, tmp_path: Path) -> None:
    frames, masks = moving()
    cine = film(tmp_path / "cine.dcm", frames)
    mask = files.write_image_2d(tmp_path / "m.png", masks[3].astype(np.uint8) * 255)
    code, _, err = evanyseg("score", cine, mask, *E)
    assert (code, "5 frames" in err, "--slice" in err) == (2, True, True)
    out = tmp_path / "s.csv"
    code, text, err = evanyseg("score", cine, mask, "--slice", 3, *E, "-o", out, "--report", tmp_path / "r.html")
    assert code == 0, err
    assert [(r["plane"], r["index"]) for r in table(out)] == [("frame", "3")]
    assert float(table(out)[0]["pred_dice"]) > 0.99
    assert "frame 3" in (tmp_path / "r.html").read_text(encoding="utf-8")
    wrong = json.loads(evanyseg("score", cine, mask, "--slice", 0, *E, "--json")[1])["rows"][0]
    assert wrong["pred_dice"] < 0.9
    made = tmp_path / "o.png"
    code, text, err = evanyseg("segment", cine, "--slice", 3, "--box", 1, 1, 79, 59, "-o", made, *E, *S, "--json")
    assert code == 0, err
    assert json.loads(text)["slices"][0]["index"] == 3
    assert np.array_equal(read_image(made).array[0] > 0, masks[3])
    other = files.write_image_2d(tmp_path / "n.png", masks[0].astype(np.uint8) * 255)
    code, text, err = evanyseg("select", cine, other, mask, "--slice", 3, *E, "--json")
    assert code == 0, err
    assert Path(json.loads(text)["best"]).name == "m.png"


def test_a_film_of_one_frame_is_a_picture(tmp_path: Path) -> None:
    frames, _ = moving(1)
    got = read_image(film(tmp_path / "one.dcm", frames))
    assert got.planar
    assert np.array_equal(got.array, frames)


def test_a_film_in_a_table_of_pairs_says_what_to_do(evanyseg, tmp_path: Path) -> None:
    frames, masks = moving()
    film(tmp_path / "cine.dcm", frames)
    files.write_image_2d(tmp_path / "m.png", masks[0].astype(np.uint8) * 255)
    (tmp_path / "p.csv").write_text("image,mask\ncine.dcm,m.png\n")
    code, _, err = evanyseg("score", "--pairs", tmp_path / "p.csv", "-o", tmp_path / "s.csv", *E)
    assert (code, "save it as a 2D image" in " ".join(err.split())) == (1, True)
