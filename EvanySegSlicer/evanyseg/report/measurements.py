"""From scores of slices to what a DICOM measurement report says about each segment."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..io.dicom.report import MeasuredSegment, MeasuredSlice
from ..io.segmentation import Segment
from ..results import QualityEstimate
from ..scoring.missing_slices import EmptySliceStatus
from ..scoring.summary import slice_weights, weighted_mean
from ..scoring.volumes import SliceScore


def measured_segment(
    number: int, name: str, rows: Sequence[tuple[int, int, QualityEstimate]], in_frames: bool
) -> MeasuredSegment:
    """One segment of a DICOM SEG from its slices, each (index, area in pixels, estimate).

    `in_frames`: the slices are those along the volume's k, which the frames of a SEG show; others have no frame.
    """
    scored = [(area, e) for _, area, e in rows if e.scored]
    whole = (math.nan, math.nan, math.nan)
    if scored:
        weight = slice_weights(np.array([float(area) for area, _ in scored]))
        values = np.array([(e.dice, e.low, e.high) for _, e in scored])
        dice, low, high = (weighted_mean(column, weight) for column in values.T)
        whole = (dice, low, high)
    slices = tuple(MeasuredSlice(index if in_frames else None, e) for index, _, e in rows)
    return MeasuredSegment(number, name, whole, slices)


def measured_segments(
    rows: Sequence[SliceScore], numbers: Sequence[tuple[int, Segment]], in_frames: bool
) -> tuple[MeasuredSegment, ...]:
    """All segments that have rows, by their numbers in the SEG. Where the object seems absent is no mask."""
    found = []
    for number, segment in numbers:
        mine = [r for r in rows if r.segment_id == segment.id and r.finding is not EmptySliceStatus.ABSENT]
        if mine:
            slices = [(r.index, r.area, r.estimate) for r in mine]
            found.append(measured_segment(number, segment.name, slices, in_frames))
    return tuple(found)
