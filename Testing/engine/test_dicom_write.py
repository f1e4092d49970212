"""A DICOM SEG written here comes back the same: to this reader, to highdicom, and to the converters of dcmqi."""

from __future__ import annotations

from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from engine import dcmqi_tools, dicom_masks, phantom
from engine.dicom_masks import FINE, HERE, SHAPE, masks, read, segments_on, write
from evanyseg import __version__
from evanyseg.io.dicom.codes import AUTOMATIC, MANUAL, Code, SegmentAlgorithm, SegmentedProperty, property_named
from evanyseg.io.dicom.seg.write import write_dicom_seg
from evanyseg.io.dicom.source import read_source
from evanyseg.io.read import read_image
from evanyseg.io.segmentation import Segment, Segmentation

KIDNEY = SegmentedProperty(
    Code("91723000", "SCT", "Anatomical Structure"),
    Code("64033007", "SCT", "Kidney"),
    (Code("7771000", "SCT", "Left"),),
    (Code("818981001", "SCT", "Abdomen"),),
)


@pytest.mark.parametrize("overlapping", [True, False])
def test_masks_names_codes_colors_and_algorithms_come_back(series: Path, tmp_path: Path, overlapping: bool) -> None:
    first, second = dicom_masks.blobs(SHAPE), dicom_masks.blobs(SHAPE, 1)
    if not overlapping:
        second &= ~first
    second[[0, 3]] = False
    made = segments_on(read_image(series), first, second, property=KIDNEY)
    assert len(made.layers) == 1 + overlapping
    write(tmp_path / "out.dcm", made, series)
    found = read(tmp_path / "out.dcm", series)
    assert np.array_equal(masks(found)[0], first)
    assert np.array_equal(masks(found)[1], second)
    assert [s.name for s in found.segments] == ["Leber 肝", "Lesion"]
    assert [s.color for s in found.segments] == [pytest.approx(s.color, abs=2e-4) for s in made.segments]
    assert found.segments[0].property == KIDNEY
    assert found.segments[1].property == property_named("lesion")
    assert all(s.algorithm == HERE for s in found.segments)
    assert found.caveats == ()
    assert list(tmp_path.glob(".evanyseg*")) == []


def test_writing_what_was_read_gives_the_same_segments(series: Path, tmp_path: Path) -> None:
    truth = np.stack([dicom_masks.blobs(SHAPE), dicom_masks.blobs(SHAPE, 1)], axis=-1).astype(np.uint8)
    described = [dicom_masks.description(1, "a"), dicom_masks.description(2, "b", "AUTOMATIC")]
    theirs = dicom_masks.save(tmp_path / "t.dcm", dicom_masks.segmentation(series, truth, described=described))
    before = read(theirs, series)
    write(tmp_path / "out.dcm", before, series, None)
    after = read(tmp_path / "out.dcm", series)
    assert after.segments == before.segments
    assert all(np.array_equal(a, b) for a, b in zip(masks(after), masks(before), strict=True))


def test_highdicom_reads_it(series: Path, tmp_path: Path) -> None:
    truth = dicom_masks.blobs(SHAPE)
    truth[4] = False
    write(tmp_path / "out.dcm", segments_on(read_image(series), truth), series)
    found = hd.seg.segread(tmp_path / "out.dcm")
    assert found.number_of_segments == 1
    described = found.get_segment_description(1)
    assert described.segment_label == "Leber 肝"
    assert described.algorithm_type.value == "SEMIAUTOMATIC"
    identified = described.algorithm_identification
    assert (identified.name, identified.version) == (HERE.name, HERE.version)
    assert identified.family.meaning == "Artificial Intelligence"
    assert identified.parameters == {"box": "1 2 30 40"}
    uids = [(h.StudyInstanceUID, h.SeriesInstanceUID, h.SOPInstanceUID) for h in dicom_masks.headers(series)]
    assert sorted(found.get_source_image_uids()) == sorted(uids)
    pixels = found.get_pixels_by_source_instance(
        [u[2] for u in uids], ignore_spatial_locations=False, assert_missing_frames_are_empty=True
    )
    assert np.array_equal(pixels[..., 0], truth)
    assert found.NumberOfFrames == int(truth.any(axis=(1, 2)).sum())
    measures = found.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert float(measures.SpacingBetweenSlices) == pytest.approx(3.0)


def test_patient_and_equipment_are_told(series: Path, tmp_path: Path) -> None:
    write(tmp_path / "out.dcm", segments_on(read_image(series), dicom_masks.blobs(SHAPE)), series)
    made, image = pydicom.dcmread(tmp_path / "out.dcm"), dicom_masks.headers(series)[0]
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "FrameOfReferenceUID", "StudyDate"):
        assert made[keyword].value == image[keyword].value
    assert made.SeriesInstanceUID != image.SeriesInstanceUID
    assert made.SeriesNumber == 400
    assert (made.ManufacturerModelName, made.SoftwareVersions) == ("EvanySeg", __version__)
    assert made.SpecificCharacterSet == "ISO_IR 192"


def test_names_in_the_images_own_alphabet(tmp_path: Path) -> None:
    folder = dicom_masks.write_series(
        tmp_path / "ct", phantom.volume(SHAPE, **FINE), SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Jürgen"
    )
    write(tmp_path / "out.dcm", segments_on(read_image(folder), dicom_masks.blobs(SHAPE)), folder)
    made = pydicom.dcmread(tmp_path / "out.dcm")
    assert str(made.PatientName) == "Müller^Jürgen"
    assert made.SegmentSequence[0].SegmentLabel == "Leber 肝"
    read(tmp_path / "out.dcm", folder)


def test_dcmqi_reads_it(series: Path, tmp_path: Path) -> None:
    first, second = dicom_masks.blobs(SHAPE), dicom_masks.blobs(SHAPE, 1)
    first[[0, 4]] = False
    volume = read_image(series)
    write(tmp_path / "out.dcm", segments_on(volume, first, second, property=KIDNEY), series)
    attributes, images = dcmqi_tools.read_segmentation(tmp_path / "out.dcm", tmp_path / "itk")
    assert [a["SegmentLabel"] for a in attributes] == ["Leber 肝", "Lesion"]
    assert attributes[0]["SegmentedPropertyTypeCodeSequence"]["CodeValue"] == "64033007"
    assert attributes[0]["SegmentedPropertyTypeModifierCodeSequence"]["CodeMeaning"] == "Left"
    assert attributes[0]["SegmentAlgorithmType"] == "SEMIAUTOMATIC"
    assert attributes[0]["recommendedDisplayRGBValue"] == pytest.approx([255, 128, 0], abs=1)
    for image, truth in zip(images, (first, second), strict=True):
        assert np.array_equal(dcmqi_tools.voxels_in(image, volume.ijk_to_lps, SHAPE), truth)


def test_what_dcmqi_writes_is_read(series: Path, tmp_path: Path) -> None:
    """Another writer: no spacing hint of this project's own, other references, other order of frames."""
    import json

    volume = read_image(series)
    truth = dicom_masks.blobs(SHAPE)
    truth[[2, 5]] = False
    image = sitk.GetImageFromArray(truth.astype(np.uint8))
    image.SetSpacing(volume.spacing)
    image.SetOrigin(volume.origin)
    image.SetDirection(np.asarray(volume.direction).ravel().tolist())
    sitk.WriteImage(image, str(tmp_path / "m.nrrd"))
    code = lambda value, meaning: {"CodeValue": value, "CodingSchemeDesignator": "SCT", "CodeMeaning": meaning}
    segment = {
        "labelID": 1, "SegmentLabel": "organ", "SegmentDescription": "organ", "SegmentAlgorithmType": "AUTOMATIC",
        "SegmentAlgorithmName": "Net", "SegmentedPropertyCategoryCodeSequence": code("123037004", "Structure"),
        "SegmentedPropertyTypeCodeSequence": code("10200004", "Liver"), "recommendedDisplayRGBValue": [221, 130, 101],
    }  # fmt: skip
    meta = {
        "ContentCreatorName": "Reader1", "ClinicalTrialSeriesID": "s", "ClinicalTrialTimePointID": "1",
        "SeriesDescription": "Segmentation", "SeriesNumber": "300", "InstanceNumber": "1", "BodyPartExamined": "",
        "segmentAttributes": [[segment]],
    }  # fmt: skip
    (tmp_path / "meta.json").write_text(json.dumps(meta))
    dcmqi_tools.run(
        "itkimage2segimage", "--inputImageList", tmp_path / "m.nrrd", "--inputDICOMDirectory", series,
        "--outputDICOM", tmp_path / "s.dcm", "--inputMetadata", tmp_path / "meta.json", "--skip",
    )  # fmt: skip
    found = read(tmp_path / "s.dcm", series)
    assert np.array_equal(masks(found)[0], truth)
    assert found.segments[0].name == "organ"
    assert found.segments[0].property is not None
    assert found.segments[0].property.type == Code("10200004", "SCT", "Liver")
    assert found.segments[0].color == pytest.approx((221 / 255, 130 / 255, 101 / 255), abs=0.005)
    assert found.segments[0].algorithm == SegmentAlgorithm(AUTOMATIC, "Net")
    assert found.caveats == ()


def test_a_program_of_unknown_family_is_named_and_no_more(series: Path, tmp_path: Path) -> None:
    made = segments_on(read_image(series), dicom_masks.blobs(SHAPE))
    write(tmp_path / "out.dcm", made, series, SegmentAlgorithm(AUTOMATIC, "nnU-Net"))
    assert read(tmp_path / "out.dcm", series).segments[0].algorithm == SegmentAlgorithm(AUTOMATIC, "nnU-Net")
    write(tmp_path / "by.dcm", made, series, SegmentAlgorithm(MANUAL))
    assert read(tmp_path / "by.dcm", series).segments[0].algorithm == SegmentAlgorithm(MANUAL)


def test_a_long_name_is_cut_for_the_label_and_whole_in_the_tracking_identifier(series: Path, tmp_path: Path) -> None:
    made = segments_on(read_image(series), dicom_masks.blobs(SHAPE))
    name = "a\\b\n" + "x" * 80
    made = Segmentation(made.grid, made.layers, (Segment("s", name, made.segments[0].value),))
    write(tmp_path / "out.dcm", made, series)
    stored = pydicom.dcmread(tmp_path / "out.dcm").SegmentSequence[0]
    assert stored.SegmentLabel == ("a/b " + "x" * 80)[:64]
    assert stored.TrackingID == name


def test_on_one_slice_of_a_series(series: Path, tmp_path: Path) -> None:
    file = sorted(series.iterdir())[3]
    one = read_image(file)
    truth = dicom_masks.blobs(SHAPE)[3:4]
    made = Segmentation(one, (truth.astype(np.uint8),), (Segment("s", "a", 1),))
    write_dicom_seg(tmp_path / "out.dcm", made, one, read_source(file, one), HERE)
    again = read(tmp_path / "out.dcm", series)
    assert np.array_equal(masks(again)[0][3], truth[0])
    assert int(masks(again)[0].sum()) == int(truth.sum())


def test_on_an_enhanced_multi_frame_image_whose_frames_are_in_any_order(series: Path, tmp_path: Path) -> None:
    volume = read_image(series)
    order = [3, 0, 7, 1, 6, 2, 5, 4]
    files = [dicom_masks.headers(series)[k] for k in order]
    for file in files:
        file.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    enhanced = hd.legacy.LegacyConvertedEnhancedCTImage(files, hd.UID(), 5, hd.UID(), 1)
    path = dicom_masks.save(tmp_path / "enhanced.dcm", enhanced)
    truth = dicom_masks.blobs(SHAPE)
    source = read_source(path, volume)
    frames = [f.frame for f in source.frames_of(volume)]
    positions = [
        float(enhanced.PerFrameFunctionalGroupsSequence[f].PlanePositionSequence[0].ImagePositionPatient[2])
        for f in frames
    ]
    assert positions == sorted(positions)
    made = write_dicom_seg(tmp_path / "out.dcm", segments_on(volume, truth), volume, source, HERE)
    assert np.array_equal(masks(read(tmp_path / "out.dcm", series))[0], truth)
    for group in made.PerFrameFunctionalGroupsSequence:
        of = group.DerivationImageSequence[0].SourceImageSequence[0]
        theirs = enhanced.PerFrameFunctionalGroupsSequence[int(of.ReferencedFrameNumber) - 1]
        assert theirs.PlanePositionSequence[0] == group.PlanePositionSequence[0]


def test_images_that_lack_what_may_be_empty(tmp_path: Path) -> None:
    lacking = dict.fromkeys(
        ("PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate", "StudyTime", "SliceThickness",
         "ReferringPhysicianName", "SeriesNumber", "InstanceNumber", "PatientID", "PatientName"),
    )  # fmt: skip
    folder = dicom_masks.write_series(tmp_path / "ct", phantom.volume(SHAPE, **FINE), **lacking)
    assert "StudyID" not in dicom_masks.headers(folder)[0]
    truth = dicom_masks.blobs(SHAPE)
    write(tmp_path / "out.dcm", segments_on(read_image(folder), truth), folder)
    assert np.array_equal(masks(read(tmp_path / "out.dcm", folder))[0], truth)
