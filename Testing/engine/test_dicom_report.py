"""Predicted quality as a measurement report: highdicom and dcmqi find the numbers, the intervals and the reasons."""

from __future__ import annotations

import math
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest

from engine import dcmqi_tools, dicom_masks
from engine.dicom_masks import SHAPE
from evanyseg import __version__
from evanyseg.bands import BandThresholds
from evanyseg.errors import ImageError
from evanyseg.io.dicom.report import MeasuredSegment, MeasuredSlice, QualityReport, write_quality_report
from evanyseg.io.dicom.source import read_source
from evanyseg.io.read import read_image
from evanyseg.results import QualityEstimate

NAN = math.nan
SLICES = (
    MeasuredSlice(3, QualityEstimate(0.62, 0.48, 0.74, 0.9, "builtin", caveats=("unlike the training data",))),
    MeasuredSlice(2, QualityEstimate(0.95, 0.9, 0.98, 0.9, "builtin")),
    MeasuredSlice(5, QualityEstimate.unscored("builtin", "constant image")),
)
REPORT = QualityReport(
    (
        MeasuredSegment(1, "Leber 肝", (0.81, 0.7, 0.9), SLICES),
        MeasuredSegment(
            2, "b", (NAN, NAN, NAN), (MeasuredSlice(2, QualityEstimate.unscored("builtin", "empty mask")),)
        ),
    ),
    "builtin",
    0.9,
    BandThresholds(),
    ("intensity: fixed window",),
)


@pytest.fixture
def segmentation(series: Path, tmp_path: Path) -> Path:
    truth = np.stack([dicom_masks.blobs(SHAPE), dicom_masks.blobs(SHAPE, 1)], axis=-1).astype(np.uint8)
    truth[0] = 0
    made = dicom_masks.segmentation(series, truth, ("Leber 肝", "b"))
    return dicom_masks.save(tmp_path / "seg.dcm", made)


@pytest.fixture
def written(series: Path, segmentation: Path, tmp_path: Path) -> Path:
    volume = read_image(series)
    path = tmp_path / "sr.dcm"
    write_quality_report(path, REPORT, pydicom.dcmread(segmentation), volume, read_source(series, volume))
    assert list(tmp_path.glob(".evanyseg*")) == []
    return path


def values(group: hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations) -> dict[tuple[str, str], float]:
    """Measured values by (code, derivation)."""
    return {(m.name.value, m.derivation.meaning if m.derivation else ""): m.value for m in group.get_measurements()}


def band(group: hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations) -> str:
    (found,) = [e.value.meaning for e in group.get_qualitative_evaluations() if e.name.value == "quality-band"]
    return found


def comments(group: hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations) -> list[str]:
    return [i.value for i in group[0].ContentSequence if i.ValueType == "TEXT" and i.name.value == "121106"]


def test_each_segment_has_its_mean_its_bounds_and_its_worst_slice(written: Path, segmentation: Path) -> None:
    groups = hd.sr.srread(written).content.get_volumetric_roi_measurement_groups()
    assert [g.tracking_identifier for g in groups] == ["Leber 肝", "b"]
    assert values(groups[0]) == {
        ("pred-dice", "Mean"): 0.81, ("pred-dice-low", "Mean"): 0.7, ("pred-dice-high", "Mean"): 0.9,
        ("interval-level", ""): 0.9, ("pred-dice", "Minimum"): 0.62,
    }  # fmt: skip
    assert [band(g) for g in groups] == ["Check", "Unscored"]
    assert comments(groups[0]) == ["unlike the training data", "constant image"]
    assert groups[0].finding_type.meaning == "Liver"
    made = pydicom.dcmread(segmentation)
    for number, group in enumerate(groups, 1):
        assert group.referenced_segment.referenced_sop_instance_uid == made.SOPInstanceUID
        assert group.referenced_segment.referenced_segment_numbers == [number]


def test_what_could_not_be_scored_has_a_reason_and_no_number(written: Path) -> None:
    report = hd.sr.srread(written).content
    assert values(report.get_volumetric_roi_measurement_groups()[1]) == {}
    assert comments(report.get_volumetric_roi_measurement_groups()[1]) == ["empty mask"]
    constant = next(g for g in report.get_planar_roi_measurement_groups() if g.tracking_identifier.endswith("slice 5"))
    assert values(constant) == {}
    assert band(constant) == "Unscored"
    assert comments(constant) == ["constant image"]


def test_each_slice_refers_to_its_frame_and_its_image(written: Path, segmentation: Path, series: Path) -> None:
    groups = hd.sr.srread(written).content.get_planar_roi_measurement_groups()
    assert [g.tracking_identifier for g in groups] == [f"Leber 肝, slice {k}" for k in (2, 3, 5)] + ["b, slice 2"]
    assert values(groups[1]) == {
        ("pred-dice", ""): 0.62, ("pred-dice-low", ""): 0.48, ("pred-dice-high", ""): 0.74
    }  # fmt: skip
    made, images = pydicom.dcmread(segmentation), dicom_masks.headers(series)
    for group, number, k in zip(groups, (1, 1, 1, 2), (2, 3, 5, 2), strict=True):
        frame = group.referenced_segmentation_frame
        at = made.PerFrameFunctionalGroupsSequence[frame[0].referenced_frame_numbers[0] - 1]
        assert at.SegmentIdentificationSequence[0].ReferencedSegmentNumber == number
        assert at.PlanePositionSequence[0].ImagePositionPatient == images[k].ImagePositionPatient
        assert frame[1].referenced_sop_instance_uid == images[k].SOPInstanceUID


def test_the_interval_stands_in_the_standards_own_place_too(written: Path) -> None:
    group = hd.sr.srread(written).content.get_planar_roi_measurement_groups()[1]
    dice = group.get_measurements()[0]
    found = {i.name.value: i.value for i in dice[0].ContentSequence if i.ValueType == "NUM"}
    assert found == {"371886008": pytest.approx(0.12), "371885007": pytest.approx(0.14)}


def test_the_estimator_is_identified_and_the_codes_declared(written: Path) -> None:
    made = pydicom.dcmread(written)
    assert made.CodingSchemeIdentificationSequence[-1].CodingSchemeDesignator == "99EVANYSEG"
    assert (made.VerificationFlag, made.CompletionFlag) == ("UNVERIFIED", "COMPLETE")
    group = hd.sr.srread(written).content.get_volumetric_roi_measurement_groups()[0]
    told = {i.name.value: i.value for i in group[0].ContentSequence if i.ValueType in ("TEXT", "CODE")}
    assert told["111001"] == "EvanySeg quality estimator builtin"
    assert told["111003"] == __version__
    assert told["111002"] == "intensity: fixed window"
    assert told["111000"].meaning == "Artificial Intelligence"


def test_dcmqi_reads_the_same_numbers(written: Path, segmentation: Path, tmp_path: Path) -> None:
    groups = dcmqi_tools.read_report(written, tmp_path)
    by_name = {g["TrackingIdentifier"]: g for g in groups}
    whole = by_name["Leber 肝"]
    assert whole["ReferencedSegment"] == 1
    assert whole["segmentationSOPInstanceUID"] == pydicom.dcmread(segmentation).SOPInstanceUID
    means = {
        m["quantity"]["CodeValue"]: float(m["value"])
        for m in whole["measurementItems"]
        if m.get("derivationModifier", {}).get("CodeMeaning") == "Mean"
    }
    assert means == {"pred-dice": 0.81, "pred-dice-low": 0.7, "pred-dice-high": 0.9}
    one = {m["quantity"]["CodeValue"]: float(m["value"]) for m in by_name["Leber 肝, slice 3"]["measurementItems"]}
    assert one == {"pred-dice": 0.62, "pred-dice-low": 0.48, "pred-dice-high": 0.74}


def test_slices_of_another_plane_are_left_to_the_segment(series: Path, segmentation: Path, tmp_path: Path) -> None:
    coronal = tuple(MeasuredSlice(None, s.estimate) for s in SLICES)
    report = QualityReport((MeasuredSegment(1, "a", (0.8, 0.7, 0.9), coronal),), "builtin", 0.9, BandThresholds())
    volume = read_image(series)
    write_quality_report(
        tmp_path / "sr.dcm", report, pydicom.dcmread(segmentation), volume, read_source(series, volume)
    )
    content = hd.sr.srread(tmp_path / "sr.dcm").content
    assert content.get_planar_roi_measurement_groups() == []
    assert values(content.get_volumetric_roi_measurement_groups()[0])["pred-dice", "Minimum"] == 0.62


def test_a_report_about_what_is_not_there_is_refused(series: Path, segmentation: Path, tmp_path: Path) -> None:
    volume = read_image(series)
    source, made = read_source(series, volume), pydicom.dcmread(segmentation)
    unknown = QualityReport((MeasuredSegment(7, "x", (NAN, NAN, NAN)),), "builtin", 0.9, BandThresholds())
    with pytest.raises(ImageError, match="has no segment 'x'"):
        write_quality_report(tmp_path / "sr.dcm", unknown, made, volume, source)
    nothing = QualityReport((), "builtin", 0.9, BandThresholds())
    with pytest.raises(ImageError, match="There is nothing to report"):
        write_quality_report(tmp_path / "sr.dcm", nothing, made, volume, source)
    made.ReferencedSeriesSequence[0].SeriesInstanceUID = "1.2.3"
    for sequence in (made.ReferencedSeriesSequence[0].ReferencedInstanceSequence, made.SourceImageSequence):
        for item in sequence:
            item.ReferencedSOPInstanceUID += ".9"
    with pytest.raises(ImageError, match="was made on another series than ct"):
        write_quality_report(tmp_path / "sr.dcm", REPORT, made, volume, source)
    assert not (tmp_path / "sr.dcm").exists()
