"""DICOM segmentations come in on the image's grid, with names, codes and colours; what does not fit is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest

from engine import dicom_files, dicom_masks, files, phantom
from engine.dicom_masks import FINE, SHAPE, masks, read
from evanyseg.errors import GeometryError, ImageError
from evanyseg.geometry.volume import Volume
from evanyseg.io.dicom.masks import ReadImage
from evanyseg.io.read import read_image, read_segmentation


def test_two_overlapping_segments_with_names_codes_and_colors(series: Path, tmp_path: Path) -> None:
    truth = np.stack([dicom_masks.blobs(SHAPE), dicom_masks.blobs(SHAPE, 1)], axis=-1)
    assert (truth.sum(axis=-1) == 2).any()
    described = [
        dicom_masks.description(1, "Leber 肝", display_color=hd.color.CIELabColor.from_rgb(255, 128, 0)),
        dicom_masks.description(2, "Läsion", "AUTOMATIC"),
    ]
    made = dicom_masks.segmentation(series, truth.astype(np.uint8), described=described)
    found = read(dicom_masks.save(tmp_path / "s.dcm", made), series)
    assert [s.name for s in found.segments] == ["Leber 肝", "Läsion"]
    assert [s.value for s in found.segments] == [1, 2]
    assert all(np.array_equal(m, truth[..., n]) for n, m in enumerate(masks(found)))
    first, second = found.segments
    assert first.property is not None
    assert first.property.type.meaning == "Liver"
    assert (first.property.type.scheme, first.property.type.value) == ("SCT", "10200004")
    assert first.property.category.meaning == "Anatomical Structure"
    assert first.color == pytest.approx((1.0, 128 / 255, 0.0), abs=0.005)
    assert first.algorithm is not None
    assert first.algorithm.kind == "MANUAL"
    assert second.algorithm is not None
    assert (second.algorithm.kind, second.algorithm.name, second.algorithm.version) == ("AUTOMATIC", "Net", "7.1")
    assert found.caveats == ()


@pytest.mark.parametrize("slices", [(2, 6), (5,), (1, 4, 7), (0, 7)])
@pytest.mark.parametrize("told", [True, False])
def test_sparse_frames_lie_on_their_own_slices(series: Path, tmp_path: Path, slices: tuple, told: bool) -> None:
    truth = dicom_masks.blobs(SHAPE)
    truth[[k for k in range(SHAPE[0]) if k not in slices]] = False
    made = dicom_masks.segmentation(series, truth.astype(np.uint8))
    assert made.NumberOfFrames == len(slices)
    measures = made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures.SpacingBetweenSlices = 3.0
    if not told:
        del measures.SpacingBetweenSlices
    found = read(dicom_masks.save(tmp_path / "s.dcm", made), series)
    assert np.array_equal(masks(found)[0], truth)


def test_sparse_frames_without_the_image_use_what_the_file_says(series: Path, tmp_path: Path) -> None:
    truth = dicom_masks.blobs(SHAPE)
    truth[[0, 1, 3, 5, 6, 7]] = False
    made = dicom_masks.segmentation(series, truth.astype(np.uint8))
    made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices = 3.0
    found = read_segmentation(dicom_masks.save(tmp_path / "s.dcm", made))
    assert found.grid.shape == (3, *SHAPE[1:])
    assert found.grid.spacing == pytest.approx((0.7, 0.9, 3.0))
    assert np.array_equal(masks(found)[0], truth[2:5])


def test_a_coarser_stack_is_not_taken_for_a_sparse_one(series: Path, tmp_path: Path) -> None:
    """Frames 6 mm apart that say so are slices of 6 mm, though each lies in a slice of the image of 3 mm."""
    truth = dicom_masks.blobs(SHAPE)
    truth[1::2] = False
    made = dicom_masks.segmentation(series, truth.astype(np.uint8))
    made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices = 6.0
    found = read_segmentation(dicom_masks.save(tmp_path / "s.dcm", made), image=ReadImage(read_image(series), series))
    assert found.grid.spacing[2] == pytest.approx(6.0)
    assert found.grid.shape[0] == 4


@pytest.mark.parametrize("flip", [1, -1])
def test_an_image_of_another_format_gets_the_same_masks(series: Path, tmp_path: Path, flip: int) -> None:
    volume = read_image(series)
    if flip < 0:  # the same voxels, stored from head to foot
        origin = tuple((volume.ijk_to_lps @ np.array([0, 0, SHAPE[0] - 1, 1.0]))[:3])
        turned = np.asarray(volume.direction) * [1, 1, -1]
        volume = replace(volume, array=volume.array[::-1], origin=origin, direction=turned)
    path = files.write_volume(tmp_path / "ct.nrrd", volume)
    truth = dicom_masks.blobs(SHAPE)
    made = dicom_masks.save(tmp_path / "s.dcm", dicom_masks.segmentation(series, truth.astype(np.uint8)))
    assert np.array_equal(masks(read(made, path))[0], truth[::flip])


def test_a_label_map_of_segments(series: Path, tmp_path: Path) -> None:
    truth = dicom_masks.blobs(SHAPE).astype(np.uint8)
    truth[dicom_masks.blobs(SHAPE, 1)] = 2
    made = dicom_masks.segmentation(series, truth, ("a", "b"), "LABELMAP")
    found = read(dicom_masks.save(tmp_path / "s.dcm", made), series)
    assert [s.name for s in found.segments] == ["a", "b"]
    assert all(np.array_equal(m, truth == n) for n, m in enumerate(masks(found), 1))


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.5", "1.2.840.10008.1.2.1"])
def test_a_fractional_one_is_cut_at_a_half_and_says_so(series: Path, tmp_path: Path, syntax: str) -> None:
    parts = np.random.default_rng(0).integers(0, 5, SHAPE) / 4.0
    made = dicom_masks.segmentation(series, parts[..., None], kind="FRACTIONAL", transfer_syntax_uid=syntax)
    path = dicom_masks.save(tmp_path / "s.dcm", made)
    found = read(path, series)
    stored = np.round(parts * 255) * 2
    assert np.array_equal(masks(found)[0], stored > 255)
    assert found.caveats == ("fractional mask cut at 0.5",)
    with pytest.raises(ImageError, match=r"fractional \(probability\), and fractional masks are refused"):
        read(path, series, fractional=False)


def test_a_fractional_one_of_none_and_all_needs_no_caveat(series: Path, tmp_path: Path) -> None:
    truth = dicom_masks.blobs(SHAPE)
    made = dicom_masks.segmentation(series, truth.astype(float)[..., None], kind="FRACTIONAL", max_fractional_value=100)
    found = read(dicom_masks.save(tmp_path / "s.dcm", made), series)
    assert np.array_equal(masks(found)[0], truth)
    assert found.caveats == ()


def test_a_cropped_one_is_shifted_and_a_finer_one_resampled(series: Path, tmp_path: Path) -> None:
    volume = read_image(series)
    truth = dicom_masks.blobs(SHAPE)
    inner = truth[:, 4:20, 6:28]
    corner = (volume.ijk_to_lps @ np.array([6, 4, 0, 1.0]))[:3]

    def affine(step: float) -> np.ndarray:
        matrix = np.eye(4)
        for column, (axis, scale) in enumerate(((2, 1.0), (1, step), (0, step))):
            matrix[:3, column] = volume.direction[:, axis] * volume.spacing[axis] * scale
        matrix[:3, 3] = corner - (volume.direction[:, :2] * np.array(volume.spacing[:2]) * (1 - step) / 2).sum(axis=1)
        return matrix

    for step, pixels in ((1.0, inner), (0.5, inner.repeat(2, axis=1).repeat(2, axis=2))):
        stack = hd.Volume(
            pixels.astype(np.uint8),
            affine(step),
            coordinate_system="PATIENT",
            frame_of_reference_uid=dicom_files.ROOT + "3",
        )
        made = dicom_masks.segmentation(series, stack)
        expected = np.zeros(SHAPE, bool)
        expected[:, 4:20, 6:28] = inner
        assert np.array_equal(masks(read(dicom_masks.save(tmp_path / "s.dcm", made), series))[0], expected), step


def test_one_in_a_folder_of_its_own(series: Path, tmp_path: Path) -> None:
    (tmp_path / "seg").mkdir()
    truth = dicom_masks.blobs(SHAPE)
    dicom_masks.save(tmp_path / "seg" / "IM0001", dicom_masks.segmentation(series, truth.astype(np.uint8)))
    assert np.array_equal(masks(read(tmp_path / "seg", series))[0], truth)


def test_several_files_in_a_folder_are_one_segmentation(series: Path, tmp_path: Path) -> None:
    """As archives export: a file for each structure, in folders below, beside files that are no masks."""
    truth = [dicom_masks.blobs(SHAPE, n) for n in range(3)]
    truth[0][[0, 1, 2]] = False
    truth[1][4:] = False
    for n, mask in enumerate(truth):
        made = dicom_masks.segmentation(
            series, mask.astype(float)[..., None] * (0.75 if n == 1 else 1.0), "abc"[n], "FRACTIONAL"
        )
        (tmp_path / "masks" / str(n)).mkdir(parents=True)
        dicom_masks.save(tmp_path / "masks" / str(n) / "IM0001", made)
    (tmp_path / "masks" / "notes.txt").write_text("of the archive")
    found = read(tmp_path / "masks", series)
    assert [s.name for s in found.segments] == ["a", "b", "c"]
    assert [s.value for s in found.segments] == [1, 2, 3]
    assert len({s.id for s in found.segments}) == 3
    assert all(np.array_equal(m, t) for m, t in zip(masks(found), truth, strict=True))
    assert [found.caveats_of(s) for s in found.segments] == [(), ("fractional mask cut at 0.5",), ()]
    assert read(tmp_path / "masks", series, binary=True).caveats == ("fractional mask cut at 0.5",)


def test_files_of_different_images_are_not_joined(series: Path, tmp_path: Path) -> None:
    other = dicom_masks.write_series(tmp_path / "other", phantom.volume(SHAPE, spacing=(0.8, 0.8, 4.0)))
    (tmp_path / "masks").mkdir()
    for n, folder in enumerate((series, other)):
        made = dicom_masks.segmentation(folder, dicom_masks.blobs(SHAPE).astype(np.uint8))
        dicom_masks.save(tmp_path / "masks" / f"{n}.dcm", made)
    with pytest.raises(GeometryError, match=r"0\.dcm and 1\.dcm in masks lie on different grids; give one at a time"):
        read(tmp_path / "masks", series)


def test_binary_reading_joins_the_segments_and_keeps_the_caveats(series: Path, tmp_path: Path) -> None:
    truth = np.stack([dicom_masks.blobs(SHAPE), dicom_masks.blobs(SHAPE, 1)], axis=-1)
    made = dicom_masks.segmentation(series, truth * 0.75, ("a", "b"), "FRACTIONAL")
    found = read(dicom_masks.save(tmp_path / "s.dcm", made), series, binary=True)
    assert [s.name for s in found.segments] == ["mask"]
    assert np.array_equal(masks(found)[0], truth.any(axis=-1))
    assert found.caveats == ("fractional mask cut at 0.5",)


def test_a_radiograph_without_a_place_in_space(tmp_path: Path) -> None:
    pixels = phantom.volume((1, 24, 30)).array[0]
    made = dicom_files.dataset(
        pydicom.uid.DigitalXRayImageStorageForPresentation, Modality="DX", PatientName="Phantom^Dx",
        StudyID="", StudyDate="", StudyTime="",
        AccessionNumber="", PatientBirthDate="", PatientSex="", SeriesNumber=1, InstanceNumber=1,
    )  # fmt: skip
    dicom_files.set_pixels(made, pixels)
    folder = tmp_path / "dx"
    folder.mkdir()
    dicom_masks.save(folder / "x.dcm", made)
    truth = dicom_masks.blobs((1, 24, 30))
    seg = dicom_masks.save(tmp_path / "s.dcm", dicom_masks.segmentation(folder, truth.astype(np.uint8)))
    assert np.array_equal(masks(read(seg, folder))[0], truth)
    assert np.array_equal(masks(read(seg, folder / "x.dcm"))[0], truth)
    with pytest.raises(GeometryError, match=r"no place in space; it can only be used with the single image"):
        read_segmentation(seg)
    other = files.write_volume(tmp_path / "o.nrrd", phantom.volume((1, 24, 31)))
    with pytest.raises(ImageError, match="they must have the same size"):
        read(seg, other)


def test_highdicom_finds_the_same_voxels(series: Path, tmp_path: Path) -> None:
    """The library's own reader is a second opinion on positions and bits."""
    truth = dicom_masks.blobs((8, 23, 29))  # bits of frames that share bytes
    odd = dicom_masks.write_series(tmp_path / "odd", phantom.volume((8, 23, 29), **FINE))
    path = dicom_masks.save(tmp_path / "s.dcm", dicom_masks.segmentation(odd, truth.astype(np.uint8)))
    theirs = hd.seg.segread(path).get_volume(combine_segments=True)
    mine = read_segmentation(path)
    ijk = np.argwhere(mine.mask(mine.segments[0]))[:, ::-1]
    places = (np.c_[ijk, np.ones(len(ijk))] @ mine.grid.ijk_to_lps.T)[:, :3]
    index = np.round(theirs.map_reference_to_indices(places)).astype(int)
    assert len(ijk) == int(theirs.array.astype(bool).sum())
    assert theirs.array[tuple(index.T)].all()


def test_volume_is_the_phantom(series: Path) -> None:
    """The series that these tests stand on comes in as it was made."""
    made: Volume = phantom.volume(SHAPE, **FINE)
    assert np.array_equal(read_image(series).array, made.array)
