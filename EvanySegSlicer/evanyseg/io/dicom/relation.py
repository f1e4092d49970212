"""Does this segmentation belong to this image? Patient, frame of reference and series, as the headers say."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ...errors import GeometryError, ImageError
from .headers import items, text
from .source import DicomSource

OTHER_SERIES = "mask drawn on another series"
OTHER_FRAME = "mask in another frame of reference"


def check_patient(mask: Any, source: DicomSource, name: str) -> None:
    """Raises ImageError when both headers name a patient and not the same one. Identifiers stay out of the message."""
    for keyword, words in (("PatientID", "Patient ID"), ("PatientName", "patient's name")):
        mine, theirs = text(mask, keyword).rstrip("^ "), text(source.headers[0], keyword).rstrip("^ ")
        if mine and theirs:
            if mine.casefold() != theirs.casefold():
                raise ImageError(
                    f"{name} belongs to another patient than {source.name}: the {words} in their headers differs; "
                    "choose the segmentation of this patient."
                )
            return


def doubts(
    frames_of_reference: Collection[str], series: Collection[str], instances: Collection[str], source: DicomSource,
    name: str,
) -> tuple[str, ...]:  # fmt: skip
    """Caveats about what a segmentation refers to; empty collections mean that it does not say.

    Raises GeometryError when it lies in another frame of reference and was not made on this image: their millimetres
    have nothing to do with each other.
    """
    same_image = source.series in series or bool(source.instances & set(instances))
    frame = source.frame_of_reference
    other_frame = bool(frame and frames_of_reference) and frame not in frames_of_reference
    if other_frame and not same_image:
        raise GeometryError(
            f"{name} lies in another frame of reference than {source.name} and was not made on it; choose the image "
            "that it was made on, or register the two first."
        )
    if same_image:
        return (OTHER_FRAME,) if other_frame else ()
    return (OTHER_SERIES,) if series or instances else ()


def references_of_segmentation(dataset: Any) -> tuple[set[str], set[str]]:
    """(series, instances) that a DICOM SEG refers to."""
    listed = items(dataset, "ReferencedSeriesSequence")
    series = {text(item, "SeriesInstanceUID") for item in listed} - {""}
    instances = {text(i, "ReferencedSOPInstanceUID") for s in listed for i in items(s, "ReferencedInstanceSequence")}
    instances |= {text(i, "ReferencedSOPInstanceUID") for i in items(dataset, "SourceImageSequence")}
    return series, instances - {""}


def references_of_structure_set(dataset: Any) -> tuple[set[str], set[str], set[str]]:
    """(frames of reference, series, instances) that an RTSTRUCT refers to."""
    frames, series, instances = set(), set(), set()
    for frame in items(dataset, "ReferencedFrameOfReferenceSequence"):
        frames.add(text(frame, "FrameOfReferenceUID"))
        for study in items(frame, "RTReferencedStudySequence"):
            for one in items(study, "RTReferencedSeriesSequence"):
                series.add(text(one, "SeriesInstanceUID"))
                instances |= {text(i, "ReferencedSOPInstanceUID") for i in items(one, "ContourImageSequence")}
    return frames - {""}, series - {""}, instances - {""}
