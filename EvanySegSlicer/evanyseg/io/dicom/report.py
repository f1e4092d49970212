"""Predicted quality as a DICOM measurement report (TID 1500) about the segments of a DICOM SEG. Needs highdicom.

One group of measurements per segment (TID 1411) and one per slice of it (TID 1410), each with the predicted Dice, its
interval and the band. A group that could not be scored has no number, only the reason. What is the same for all slices
(the estimator, the interval's level) stands with the segment alone: reports of thousands of slices stay readable.
Source: DICOM PS3.16 TID 1500, 1411, 1410, 300, 310. DICOM has no code for a Dice coefficient, so the codes of
`99EVANYSEG` below are this project's own; the report's header says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ... import __version__
from ...bands import BandThresholds
from ...errors import ImageError
from ...geometry.volume import Volume
from ...results import QualityEstimate
from ..write import atomic_path
from .codes import ARTIFICIAL_INTELLIGENCE, TISSUE, Code, code_of_item
from .headers import functional_group, items, text
from .relation import references_of_segmentation
from .seg.frames import frame_count
from .seg.write import MANUFACTURER, MODEL, SERIAL_NUMBER, coded, common, refusing, require_highdicom, writable_headers
from .source import DicomSource, SourceFrame, frame_place

SCHEME = "99EVANYSEG"
PREDICTED_DICE = Code("pred-dice", SCHEME, "Predicted Dice similarity coefficient")
LOW = Code("pred-dice-low", SCHEME, "Predicted Dice, lower bound of its interval")
HIGH = Code("pred-dice-high", SCHEME, "Predicted Dice, upper bound of its interval")
LEVEL = Code("interval-level", SCHEME, "Nominal level of the interval of the predicted Dice")
BAND = Code("quality-band", SCHEME, "Quality band of the predicted Dice")
BANDS = {word: Code(f"band-{word}", SCHEME, word.capitalize()) for word in ("good", "check", "poor", "unscored")}
_COMMENT = Code("121106", "DCM", "Comment")
_MEAN, _MINIMUM = Code("373098007", "SCT", "Mean"), Code("255605001", "SCT", "Minimum")
_IMAGING = Code("363679005", "SCT", "Imaging procedure")


@dataclass(frozen=True)
class MeasuredSlice:
    """The estimate of one segment on slice k of the volume; None: on a slice of another plane, which no frame shows."""

    k: int | None
    estimate: QualityEstimate


@dataclass(frozen=True)
class MeasuredSegment:
    """Estimates of the segment that has `number` in the SEG, its slices in any order.

    `whole`: (dice, low, high), means over the slices weighted by area, NaN when nothing was scored.
    """

    number: int
    name: str
    whole: tuple[float, float, float]
    slices: tuple[MeasuredSlice, ...] = ()

    @property
    def worst(self) -> float:
        scored = [s.estimate.dice for s in self.slices if s.estimate.scored]
        return min(scored, default=math.nan)


@dataclass(frozen=True)
class QualityReport:
    """Everything that one scoring says. level: the interval's nominal level in [0, 1]; facts: lines for the reader."""

    segments: tuple[MeasuredSegment, ...]
    estimator: str
    level: float
    bands: BandThresholds
    facts: tuple[str, ...] = ()


def write_quality_report(
    path: Path, report: QualityReport, segmentation: Any, volume: Volume, source: DicomSource,
    description: str = "EvanySeg predicted quality",
) -> Any:  # fmt: skip
    """Write the report about a DICOM SEG (its data set, read or just written); the report's data set.

    Slices that have no frame in the SEG (another slice plane, a missing slice) are left to the segment's group.
    Raises OutputError, ImageError, GeometryError.
    """
    hd = require_highdicom()
    headers = writable_headers(source)
    described = {int(s.SegmentNumber): s for s in items(segmentation, "SegmentSequence") if s.get("SegmentNumber")}
    unknown = [s.name for s in report.segments if s.number not in described]
    if unknown:
        raise ImageError(f"The DICOM SEG has no segment '{unknown[0]}': the report cannot refer to it.")
    if not report.segments:
        raise ImageError(f"There is nothing to report: {path.name} was not written.")
    series, instances = references_of_segmentation(segmentation)
    if (series or instances) and source.series not in series and not source.instances & instances:
        raise ImageError(
            f"The DICOM SEG was made on another series than {source.name}: a report about it needs that series, or a "
            "SEG of these masks on this one (--dicom-seg)."
        )
    dataset = refusing(
        path,
        lambda: _document(
            hd,
            hd.sr.MeasurementReport(
                observation_context=_observer(hd),
                procedure_reported=coded(hd, _IMAGING),
                imaging_measurements=list(_groups(hd, report, segmentation, described, volume, source)),
                title=hd.sr.CodedConcept("126000", "DCM", "Imaging Measurement Report"),
            ),
            [*headers, segmentation],
            description,
        ),
    )
    with atomic_path(path) as part:
        dataset.save_as(part)
    return dataset


def frames_by_slice(segmentation: Any, volume: Volume) -> dict[tuple[int, int], int]:
    """Frame numbers of a SEG, from 1, by (segment, slice k of the volume); frames off the volume's slices are left out.

    Frames of a label map show several segments, and no one of them: they are left out as well.
    """
    inverse = np.linalg.inv(volume.ijk_to_lps)
    found = {}
    for frame in range(frame_count(segmentation)):
        group = functional_group(segmentation, frame, "SegmentIdentificationSequence")
        position, _ = frame_place(segmentation, frame)
        if group is None or group.get("ReferencedSegmentNumber") is None:
            continue
        k = 0.0 if position is None else float((inverse @ np.array([*position, 1.0]))[2])
        if abs(k - round(k)) <= 0.05 and 0 <= round(k) < volume.shape[0]:
            found[int(group.ReferencedSegmentNumber), round(k)] = frame + 1
    return found


def _groups(
    hd: Any, report: QualityReport, segmentation: Any, described: dict[int, Any], volume: Volume, made_on: DicomSource
) -> Iterator[Any]:
    identity = str(segmentation.SOPClassUID), str(segmentation.SOPInstanceUID)
    frames, slices = frames_by_slice(segmentation, volume), made_on.frames_of(volume)
    for segment in report.segments:
        about = described[segment.number]
        finding = {
            "finding_type": coded(hd, _code(about, "SegmentedPropertyTypeCodeSequence")),
            "finding_category": coded(hd, _code(about, "SegmentedPropertyCategoryCodeSequence")),
        }
        caveats = tuple(dict.fromkeys(c for s in segment.slices for c in s.estimate.caveats))
        yield _group(
            hd,
            report,
            hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations,
            segment.whole,
            caveats,
            summary=segment.worst,
            tracking_identifier=_tracking(hd, about, segment.name),
            referenced_segment=hd.sr.ReferencedSegment(
                *identity, segment.number, source_series=hd.sr.SourceSeriesForSegmentation(made_on.series)
            ),
            algorithm_id=_algorithm(hd, report),
            **finding,
        )
        for one in sorted(segment.slices, key=lambda s: -1 if s.k is None else s.k):
            frame = None if one.k is None else frames.get((segment.number, one.k))
            if frame is None or one.k is None:
                continue
            e = one.estimate
            yield _group(
                hd,
                report,
                hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations,
                (e.dice, e.low, e.high),
                e.caveats,
                tracking_identifier=hd.sr.TrackingIdentifier(hd.UID(), f"{segment.name}, slice {one.k}"),
                referenced_segment=_referenced_frame(
                    hd, identity, frame, segment.number, _source_image(hd, made_on, slices[one.k])
                ),
                **finding,
            )


def _referenced_frame(hd: Any, identity: tuple[str, str], frame: int, segment: int, image: Any) -> Any:
    """The frame alone: the standard forbids to name its segment as well (PS3.3 C.18.4), and the frame has one only."""
    made = hd.sr.ReferencedSegmentationFrame(*identity, frame, segment, image)
    del made[0].ReferencedSOPSequence[0].ReferencedSegmentNumber
    return made


def _source_image(hd: Any, source: DicomSource, place: SourceFrame) -> Any:
    header = source.headers[place.header]
    numbers = None if place.frame is None else [place.frame + 1]
    return hd.sr.SourceImageForSegmentation(str(header.SOPClassUID), str(header.SOPInstanceUID), numbers)


def _group(
    hd: Any, report: QualityReport, kind: Any, values: tuple[float, float, float], caveats: Sequence[str],
    summary: float | None = None, **more: Any,
) -> Any:  # fmt: skip
    """One group; `summary`: the worst slice of a whole segment, whose values are then means."""
    band = BANDS[report.bands.band(values[0]).value]
    group = kind(
        measurements=list(_measurements(hd, report, values, summary)) or None,
        qualitative_evaluations=[hd.sr.QualitativeEvaluation(coded(hd, BAND), coded(hd, band))],
        **more,
    )
    for line in caveats:
        relation = hd.sr.RelationshipTypeValues.CONTAINS
        group[0].ContentSequence.append(hd.sr.TextContentItem(coded(hd, _COMMENT), line, relation))
    return group


def _measurements(
    hd: Any, report: QualityReport, values: tuple[float, float, float], summary: float | None
) -> Iterator[Any]:
    dice, low, high = values
    if math.isnan(dice):
        return
    derived = {} if summary is None else {"derivation": coded(hd, _MEAN)}
    interval = not (math.isnan(low) or math.isnan(high))
    uncertainty = None
    if interval and summary is None:  # the distances to the bounds, in the standard's own place for them
        uncertainty = hd.sr.MeasurementProperties(
            upper_measurement_uncertainty=number(high - dice), lower_measurement_uncertainty=number(dice - low)
        )
    unit = hd.sr.CodedConcept("1", "UCUM", "no units")
    measure = lambda code, value, **k: hd.sr.Measurement(coded(hd, code), number(value), unit, **k)
    yield measure(PREDICTED_DICE, dice, properties=uncertainty, **derived)
    if interval:
        yield measure(LOW, low, **derived)
        yield measure(HIGH, high, **derived)
    if summary is not None:
        yield measure(LEVEL, report.level)
        yield measure(PREDICTED_DICE, summary, derivation=coded(hd, _MINIMUM))


def number(value: float) -> float:
    """Four decimals, as in the tables: a decimal string holds 16 characters."""
    return round(float(value), 4)


def _algorithm(hd: Any, report: QualityReport) -> Any:
    return hd.sr.AlgorithmIdentification(
        name=f"EvanySeg quality estimator {report.estimator}",
        version=__version__,
        parameters=list(report.facts) or None,
        family=coded(hd, ARTIFICIAL_INTELLIGENCE),
        manufacturer=MANUFACTURER,
    )


def _observer(hd: Any) -> Any:
    """A program observed this; no person has looked at it yet."""
    attributes = hd.sr.DeviceObserverIdentifyingAttributes(
        uid=hd.UID(), name=MODEL, manufacturer_name=MANUFACTURER, model_name=f"{MODEL} {__version__}",
        serial_number=SERIAL_NUMBER,
    )  # fmt: skip
    device = hd.sr.CodedConcept("121007", "DCM", "Device")
    return hd.sr.ObservationContext(observer_device_context=hd.sr.ObserverContext(device, attributes))


def _tracking(hd: Any, about: Any, name: str) -> Any:
    """The segment's own tracking identifiers, which tie the report to it; new ones when it has none."""
    uid = text(about, "TrackingUID") or hd.UID()
    return hd.sr.TrackingIdentifier(uid, text(about, "TrackingID") or name)


def _code(about: Any, keyword: str) -> Code:
    found = items(about, keyword)
    return code_of_item(found[0]) if found else TISSUE


def _document(hd: Any, content: Any, evidence: list[Any], description: str) -> Any:
    scheme = hd.coding_schemes.CodingSchemeIdentificationItem(
        designator=SCHEME, name="EvanySeg quality measurements", version=__version__,
        responsible_organization="EvanySegSlicer contributors",
    )  # fmt: skip
    return hd.sr.ComprehensiveSR(
        evidence=evidence,
        content=content,
        is_complete=True,
        is_verified=False,
        is_final=False,
        coding_schemes=[scheme],
        institution_name=None,
        **common(hd, evidence[0], description, offset=200),
    )
