"""Frames of one DICOM object: a volume where each frame has its place in space, else a film.

Source: DICOM PS3.3 C.7.6.16 (multi-frame functional groups). Frames come in any order: time may run faster than place.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ....errors import GeometryError, ImageError
from ..headers import functional_group, items, text
from .stack import SliceOrder, SlicePlace, ordered_stack

_TIMES = ("TemporalPositionIndex", "NominalCardiacTriggerDelayTime", "FrameAcquisitionNumber", "StackID")


def frame_places(header: Any, name: str) -> list[SlicePlace] | None:
    """Where every frame lies; None for a film, whose frames have no place. Raises ImageError when only some have one,
    or when the header tells of more frames than it describes."""
    described = len(items(header, "PerFrameFunctionalGroupsSequence"))
    if not described:
        return None
    count = int(header.get("NumberOfFrames") or 1)
    if described != count:
        raise ImageError(f"{name} has {count} frames but describes {described}: frames are missing; export it again.")
    found = [_place(header, frame) for frame in range(count)]
    whole = [place for place in found if place is not None]
    if not whole:
        return None
    if len(whole) < count:
        raise ImageError(f"{count - len(whole)} of the {count} frames of {name} have no place in space.")
    return whole


def frame_stack(header: Any, places: list[SlicePlace], name: str) -> SliceOrder:
    """The volume that the frames make. Raises GeometryError."""
    measures = functional_group(header, 0, "PixelMeasuresSequence")
    label = lambda n: f"frame {n + 1}"
    return ordered_stack(places, slice_distance(measures), name, label, lambda here: _phases(header, here))


def slice_distance(measures: Any) -> float:
    """What a header says about the distance of slices in mm; 1 when it says nothing."""
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        value = measures.get(keyword) if measures is not None else None
        if value is not None and float(value) > 0:
            return float(value)
    return 1.0


def frame_scaling(header: Any, frame: int) -> tuple[float, float, str]:
    """(slope, intercept, type of the values such as 'HU') of one frame; (1, 0, '') when nothing is said."""
    group = functional_group(header, frame, "PixelValueTransformationSequence") or header
    slope, intercept = group.get("RescaleSlope"), group.get("RescaleIntercept")
    return (
        1.0 if slope is None else float(slope),
        0.0 if intercept is None else float(intercept),
        text(group, "RescaleType"),
    )


def _place(header: Any, frame: int) -> SlicePlace | None:
    position = functional_group(header, frame, "PlanePositionSequence")
    orientation = functional_group(header, frame, "PlaneOrientationSequence")
    measures = functional_group(header, frame, "PixelMeasuresSequence")
    if position is None or orientation is None or measures is None or not measures.get("PixelSpacing"):
        return None
    if not position.get("ImagePositionPatient") or not orientation.get("ImageOrientationPatient"):
        return None
    row, column = (float(v) for v in measures.PixelSpacing)
    return SlicePlace(
        np.array([float(v) for v in position.ImagePositionPatient]),
        np.array([float(v) for v in orientation.ImageOrientationPatient]),
        (column, row),
    )


def _phases(header: Any, frames: list[int]) -> str:
    """What tells frames at one place apart, such as ' (TemporalPositionIndex 1, 2, 3)'."""
    for keyword in _TIMES:
        groups = [functional_group(header, f, "FrameContentSequence") for f in frames]
        values = dict.fromkeys(text(g, keyword) for g in groups if g is not None)
        if len(values) > 1:
            return f" ({keyword} {', '.join(values)})"
    for sequence, keyword in (("MREchoSequence", "EffectiveEchoTime"), ("MRDiffusionSequence", "DiffusionBValue")):
        groups = [functional_group(header, f, sequence) for f in frames]
        values = dict.fromkeys(text(g, keyword) for g in groups if g is not None)
        if len(values) > 1:
            return f" ({keyword} {', '.join(values)})"
    return ""


def no_frame_chosen(name: str, count: int) -> GeometryError:
    return GeometryError(
        f"{name} is a film of {count} frames, which are no axis in mm: name one with --slice (0 to {count - 1}), or "
        "save it as a 2D image."
    )
