"""A DICOM segmentation of somebody or something else is refused in words; what is only doubtful is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from engine import dicom_files, dicom_masks
from engine.dicom_masks import SHAPE, masks, read
from evanyseg.errors import GeometryError, ImageError


def test_another_patient_is_refused_without_naming_anybody(series: Path, tmp_path: Path) -> None:
    made = dicom_masks.segmentation(series, dicom_masks.blobs(SHAPE).astype(np.uint8))
    made.PatientID = "4711"
    with pytest.raises(ImageError, match=r"belongs to another patient than ct: the Patient ID") as caught:
        read(dicom_masks.save(tmp_path / "s.dcm", made), series)
    assert "4711" not in str(caught.value)
    made.PatientID, made.PatientName = "", "Other^Name"
    with pytest.raises(ImageError, match="the patient's name in their headers differs"):
        read(dicom_masks.save(tmp_path / "s.dcm", made), series)
    made.PatientName = ""
    read(dicom_masks.save(tmp_path / "s.dcm", made), series)


def _of_another_series(made: Dataset) -> Dataset:
    made.ReferencedSeriesSequence[0].SeriesInstanceUID = "1.2.3"
    for sequence in (made.ReferencedSeriesSequence[0].ReferencedInstanceSequence, made.SourceImageSequence):
        for n, item in enumerate(sequence):
            item.ReferencedSOPInstanceUID = f"1.2.3.{n + 1}"
    return made


def test_another_series_is_said_and_another_frame_of_reference_refused(series: Path, tmp_path: Path) -> None:
    truth = dicom_masks.blobs(SHAPE)
    made = _of_another_series(dicom_masks.segmentation(series, truth.astype(np.uint8)))
    found = read(dicom_masks.save(tmp_path / "s.dcm", made), series)
    assert found.caveats == ("mask drawn on another series",)
    assert np.array_equal(masks(found)[0], truth)
    made.FrameOfReferenceUID = "1.2.3.4"
    with pytest.raises(GeometryError, match=r"another frame of reference than ct and was not made on it"):
        read(dicom_masks.save(tmp_path / "s.dcm", made), series)


def test_another_frame_of_reference_on_the_same_image_is_a_doubt(series: Path, tmp_path: Path) -> None:
    made = dicom_masks.segmentation(series, dicom_masks.blobs(SHAPE).astype(np.uint8))
    made.FrameOfReferenceUID = "1.2.3.4"
    assert read(dicom_masks.save(tmp_path / "s.dcm", made), series).caveats == ("mask in another frame of reference",)


def _frames(made: Dataset) -> list[Dataset]:
    return list(made.PerFrameFunctionalGroupsSequence)


def _move(made: Dataset, frame: int, shift: tuple[float, float, float]) -> None:
    place = _frames(made)[frame].PlanePositionSequence[0]
    place.ImagePositionPatient = [float(a) + b for a, b in zip(place.ImagePositionPatient, shift, strict=True)]


def _no_position(made: Dataset) -> None:
    del _frames(made)[2].PlanePositionSequence


def _twice(made: Dataset) -> None:
    _frames(made)[1].PlanePositionSequence = _frames(made)[2].PlanePositionSequence


def _undescribed(made: Dataset) -> None:
    own = Dataset()
    own.ReferencedSegmentNumber = 9
    _frames(made)[1].SegmentIdentificationSequence = [own]


def _unidentified(made: Dataset) -> None:
    del made.SharedFunctionalGroupsSequence[0].SegmentIdentificationSequence


def _no_segments(made: Dataset) -> None:
    made.SegmentSequence = []


def _turned(made: Dataset) -> None:
    shared = made.SharedFunctionalGroupsSequence[0]
    own = Dataset()
    own.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    _frames(made)[0].PlaneOrientationSequence = [own]
    assert list(shared.PlaneOrientationSequence[0].ImageOrientationPatient) != [1, 0, 0, 0, 1, 0]


def _cut(made: Dataset) -> None:
    made.PixelData = made.PixelData[: len(made.PixelData) // 2]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_no_position, "lacks the position or the spacing of some of its 8 frames"),
        (_twice, "two frames of segment 1 at one position"),
        (_undescribed, "frames of segment 9, which it does not describe"),
        (_unidentified, "Frame 1 of s.dcm does not say which segment it shows"),
        (_no_segments, "describes no segment"),
        (_turned, "differ in orientation or spacing"),
        (_cut, "The pixels of s.dcm cannot be read \\(the file is cut short"),
        (lambda m: _move(m, 3, (0.0, 0.0, 1.1)), "unevenly spaced"),
        (lambda m: _move(m, 3, (0.5, 0.0, 0.0)), r"shifted in their plane by up to 0\.5 mm"),
        (lambda m: setattr(m, "SegmentationType", "SURFACE"), "of the unknown type 'SURFACE'"),
    ],
)
def test_what_cannot_be_right_is_refused_in_words(series: Path, tmp_path: Path, change, words: str) -> None:
    made = dicom_masks.segmentation(series, dicom_masks.blobs(SHAPE).astype(np.uint8))
    change(made)
    with pytest.raises((ImageError, GeometryError), match=words):
        read(dicom_masks.save(tmp_path / "s.dcm", made), series)


def test_a_label_map_with_a_value_that_nobody_describes(series: Path, tmp_path: Path) -> None:
    made = dicom_masks.segmentation(series, dicom_masks.blobs(SHAPE).astype(np.uint8), kind="LABELMAP")
    made.PixelData = made.PixelData.replace(b"\1", b"\5")
    with pytest.raises(ImageError, match="pixels of segment 5, which it does not describe"):
        read(dicom_masks.save(tmp_path / "s.dcm", made), series)


def test_a_surface_segmentation_is_named(series: Path, tmp_path: Path) -> None:
    made = dicom_files.dataset(pydicom.uid.SurfaceSegmentationStorage, Modality="SEG")
    with pytest.raises(ImageError, match=r"surface segmentation \(meshes\)"):
        read(dicom_masks.save(tmp_path / "s.dcm", made), series)
