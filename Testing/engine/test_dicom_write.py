"""A DICOM SEG written here comes back the same: to this reader, to highdicom, and to the converters of dcmqi."""

from __future__ import annotations

from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from engine import dcmqi_tools, dicom_files, dicom_masks, phantom
from engine.dicom_masks import FINE, SHAPE, masks, read
from evanyseg import __version__
from evanyseg.errors import GeometryError, ImageError, OutputError
from evanyseg.geometry.volume import Volume
from evanyseg.io.dicom.codes import (
    ARTIFICIAL_INTELLIGENCE,
    AUTOMATIC,
    MANUAL,
    SEMIAUTOMATIC,
    Code,
    SegmentAlgorithm,
    SegmentedProperty,
    property_named,
)
from evanyseg.io.dicom.layers import LayerBuilder
from evanyseg.io.dicom.seg_write import write_dicom_seg
from evanyseg.io.dicom.source import read_source
from evanyseg.io.read import read_image
from evanyseg.io.segmentation import Segment, Segmentation

HERE = SegmentAlgorithm(SEMIAUTOMATIC, "EvanySeg builtin", "1.2", ARTIFICIAL_INTELLIGENCE, "box=1 2 30 40")
KIDNEY = SegmentedProperty(
    Code("91723000", "SCT", "Anatomical Structure"),
    Code("64033007", "SCT", "Kidney"),
    (Code("7771000", "SCT", "Left"),),
    (Code("818981001", "SCT", "Abdomen"),),
)


def segmentation(volume: Volume, *truth: np.ndarray, **of_first: object) -> Segmentation:
    layers = LayerBuilder(SHAPE, range(1, 9))
    names = ("Leber 肝", "Lesion", "other")
    segments = []
    for n, mask in enumerate(truth):
        layer = layers.add(3 * n + 2, {k: mask[k] for k in range(SHAPE[0])})
        color = (1.0, 0.5, 0.1 * n)
        segments.append(Segment(f"S{n}", names[n], 3 * n + 2, layer, color, **(of_first if n == 0 else {})))
    return Segmentation(volume, tuple(layers.layers), tuple(segments))


def write(path: Path, made: Segmentation, series: Path, by: SegmentAlgorithm | None = HERE) -> pydicom.Dataset:
    volume = read_image(series)
    return write_dicom_seg(path, made, volume, read_source(series, volume), by)


@pytest.mark.parametrize("overlapping", [True, False])
def test_masks_names_codes_colours_and_algorithms_come_back(series: Path, tmp_path: Path, overlapping: bool) -> None:
    first, second = dicom_masks.blobs(SHAPE), dicom_masks.blobs(SHAPE, 1)
    if not overlapping:
        second &= ~first
    second[[0, 3]] = False
    made = segmentation(read_image(series), first, second, property=KIDNEY)
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
    write(tmp_path / "out.dcm", segmentation(read_image(series), truth), series)
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
    write(tmp_path / "out.dcm", segmentation(read_image(series), dicom_masks.blobs(SHAPE)), series)
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
    write(tmp_path / "out.dcm", segmentation(read_image(folder), dicom_masks.blobs(SHAPE)), folder)
    made = pydicom.dcmread(tmp_path / "out.dcm")
    assert str(made.PatientName) == "Müller^Jürgen"
    assert made.SegmentSequence[0].SegmentLabel == "Leber 肝"
    read(tmp_path / "out.dcm", folder)


def test_dcmqi_reads_it(series: Path, tmp_path: Path) -> None:
    first, second = dicom_masks.blobs(SHAPE), dicom_masks.blobs(SHAPE, 1)
    first[[0, 4]] = False
    volume = read_image(series)
    write(tmp_path / "out.dcm", segmentation(volume, first, second, property=KIDNEY), series)
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
    made = segmentation(read_image(series), dicom_masks.blobs(SHAPE))
    write(tmp_path / "out.dcm", made, series, SegmentAlgorithm(AUTOMATIC, "nnU-Net"))
    assert read(tmp_path / "out.dcm", series).segments[0].algorithm == SegmentAlgorithm(AUTOMATIC, "nnU-Net")
    write(tmp_path / "by.dcm", made, series, SegmentAlgorithm(MANUAL))
    assert read(tmp_path / "by.dcm", series).segments[0].algorithm == SegmentAlgorithm(MANUAL)


def test_a_long_name_is_cut_for_the_label_and_whole_in_the_tracking_identifier(series: Path, tmp_path: Path) -> None:
    made = segmentation(read_image(series), dicom_masks.blobs(SHAPE))
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
    made = write_dicom_seg(tmp_path / "out.dcm", segmentation(volume, truth), volume, source, HERE)
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
    write(tmp_path / "out.dcm", segmentation(read_image(folder), truth), folder)
    assert np.array_equal(masks(read(tmp_path / "out.dcm", folder))[0], truth)


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
        write(tmp_path / "out.dcm", segmentation(read_image(folder), dicom_masks.blobs(SHAPE)), folder)
    assert not (tmp_path / "out.dcm").exists()


def test_who_made_it_must_be_known(series: Path, tmp_path: Path) -> None:
    made = segmentation(read_image(series), dicom_masks.blobs(SHAPE))
    with pytest.raises(
        OutputError, match=r"DICOM asks who made a segment, and 'Leber 肝' does not say; add --segmented-by"
    ):
        write(tmp_path / "out.dcm", made, series, None)


def test_nothing_is_written_for_no_voxels(series: Path, tmp_path: Path) -> None:
    made = segmentation(read_image(series), np.zeros(SHAPE, bool))
    with pytest.raises(ImageError, match="There is no voxel in the segmentation"):
        write(tmp_path / "out.dcm", made, series)


def test_an_image_that_is_no_dicom_has_no_source(tmp_path: Path) -> None:
    from engine import files

    volume = phantom.volume(SHAPE)
    path = files.write_volume(tmp_path / "ct.nii.gz", volume)
    with pytest.raises(ImageError, match=r"ct\.nii\.gz is no DICOM image: a DICOM SEG or report refers to the images"):
        read_source(path, volume)


def test_slices_without_a_file_are_counted(series: Path, tmp_path: Path) -> None:
    volume = read_image(series)
    source = read_source(series, volume)
    made = segmentation(volume, dicom_masks.blobs(SHAPE))
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
