"""What cannot be written as DICOM is refused in words, and nothing is left behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine import dicom_files, dicom_masks, files, phantom
from engine.dicom_masks import FINE, HERE, SHAPE, segments_on, write
from evanyseg.errors import GeometryError, ImageError, OutputError
from evanyseg.io.dicom.seg.write import write_dicom_seg
from evanyseg.io.dicom.source import read_source
from evanyseg.io.read import read_image


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"FrameOfReferenceUID": None}, "lack FrameOfReferenceUID, without which nothing can refer to the image"),
        ({"StudyInstanceUID": ""}, "lack StudyInstanceUID"),
        ({"PatientSex": "X"}, r"cannot be made from these DICOM headers \('X' is not a valid"),
    ],
)
def test_headers_that_nothing_can_refer_to(tmp_path: Path, values: dict, words: str) -> None:
    folder = dicom_masks.write_series(tmp_path / "ct", phantom.volume(SHAPE, **FINE), **values)
    with pytest.raises(OutputError, match=words):
        write(tmp_path / "out.dcm", segments_on(read_image(folder), dicom_masks.blobs(SHAPE)), folder)
    assert not (tmp_path / "out.dcm").exists()


def test_who_made_it_must_be_known(series: Path, tmp_path: Path) -> None:
    made = segments_on(read_image(series), dicom_masks.blobs(SHAPE))
    with pytest.raises(
        OutputError, match=r"DICOM asks who made a segment, and 'Leber 肝' does not say; add --segmented-by"
    ):
        write(tmp_path / "out.dcm", made, series, None)


def test_nothing_is_written_for_no_voxels(series: Path, tmp_path: Path) -> None:
    made = segments_on(read_image(series), np.zeros(SHAPE, bool))
    with pytest.raises(ImageError, match="There is no voxel in the segmentation"):
        write(tmp_path / "out.dcm", made, series)


def test_an_image_that_is_no_dicom_has_no_source(tmp_path: Path) -> None:
    volume = phantom.volume(SHAPE)
    path = files.write_volume(tmp_path / "ct.nii.gz", volume)
    with pytest.raises(ImageError, match=r"ct\.nii\.gz is no DICOM image: a DICOM SEG or report refers to the images"):
        read_source(path, volume)


def test_slices_without_a_file_are_counted(series: Path, tmp_path: Path) -> None:
    volume = read_image(series)
    source = read_source(series, volume)
    made = segments_on(volume, dicom_masks.blobs(SHAPE))
    sorted(series.iterdir())[2].unlink()
    with pytest.raises(GeometryError, match=r"Slice 2 of ct belongs to no file of the DICOM series \(1 of 8 slices"):
        write_dicom_seg(tmp_path / "out.dcm", made, volume, read_source(series, volume), HERE)
    assert source.series == dicom_files.ROOT + "2"


def test_two_series_in_a_folder_are_told_apart_by_the_volume(series: Path, tmp_path: Path) -> None:
    volume = read_image(series)
    other = phantom.volume((5, 24, 30), origin=(0.0, 0.0, -400.0))
    dicom_masks.write_series(series / "b", other, SeriesInstanceUID="1.2.3")
    assert read_source(series, volume).series == dicom_files.ROOT + "2"
    dicom_masks.write_series(series / "c", volume, SeriesInstanceUID="1.2.4")
    with pytest.raises(ImageError, match="holds 3 DICOM series, of which 2 fit the image; name one with --series"):
        read_source(series, volume)
    assert read_source(series, volume, "1.2.4").series == "1.2.4"
