"""Slices without a mask: gaps, ends, and what only looks like a missed object."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from doubles import BrightEstimator, BrightSegmenter
from engine import phantom
from engine.scoring import scored
from evanyseg.geometry.volume import Volume
from evanyseg.pipeline.intensity import IntensityWindow
from evanyseg.pipeline.slice_pipeline import SliceInput, SlicePipeline
from evanyseg.results import Caveat
from evanyseg.scoring.missing_slices import EmptySliceStatus, MissingSliceDetector, empty_slices

SHAPE = (12, 40, 48)


# ---- slices without a mask ---------------------------------------------------------------------------------------


def test_a_gap_where_the_object_goes_on_is_missing() -> None:
    volume, labels = phantom.volume(SHAPE), phantom.ball(SHAPE).astype(np.uint8)
    labels[5:7] = 0
    found = {r.index: r for r in scored(volume, labels, detect=True) if r.area == 0}
    assert found[5].finding is found[6].finding is EmptySliceStatus.MISSING
    assert found[5].dice == 0.0
    assert Caveat.EMPTY_MASK in found[5].estimate.caveats
    assert found[5].segmenter == "bright-box"


def test_a_gap_where_nothing_is_stays_absent_and_unscored() -> None:
    truth = phantom.ball(SHAPE)
    truth[5:7] = False
    array = np.where(truth, 200, 20).astype(np.int16)
    found = {r.index: r for r in scored(Volume(array), truth.astype(np.uint8), detect=True) if r.area == 0}
    assert {i: r.finding for i, r in found.items() if i in (5, 6)} == {
        5: EmptySliceStatus.ABSENT,
        6: EmptySliceStatus.ABSENT,
    }
    assert math.isnan(found[5].dice)


def test_the_slice_beyond_each_end_is_assessed() -> None:
    volume, labels = phantom.volume(SHAPE), phantom.ball(SHAPE).astype(np.uint8)
    filled = np.flatnonzero(labels.any(axis=(1, 2)))
    labels[filled[-3] :] = 0  # the top was forgotten
    found = {r.index: r.finding for r in scored(volume, labels, detect=True) if r.area == 0}
    assert found == {int(filled[0]) - 1: EmptySliceStatus.ABSENT, int(filled[-3]): EmptySliceStatus.MISSING}


def test_without_a_segmenter_gaps_are_named_and_not_scored() -> None:
    volume, labels = phantom.volume(SHAPE), phantom.ball(SHAPE).astype(np.uint8)
    labels[5] = 0
    gaps = [r for r in scored(volume, labels) if r.finding is not EmptySliceStatus.MASK]
    assert [(g.index, g.finding) for g in gaps] == [(5, EmptySliceStatus.GAP)]
    assert math.isnan(gaps[0].dice)


@pytest.mark.parametrize(("inside", "finding"), [(135, EmptySliceStatus.MISSING), (250, EmptySliceStatus.ABSENT)])
def test_what_looks_like_the_surroundings_is_not_the_object(inside: int, finding: EmptySliceStatus) -> None:
    """A grey square in bright tissue; the empty slice has there either the same grey, or only the tissue."""
    mask = np.zeros((40, 40), bool)
    mask[10:30, 10:30] = True
    near = np.where(mask, 135, 250).astype(np.uint8)
    empty = np.where(mask, inside, 250).astype(np.uint8)
    window = IntensityWindow(0, 255, "fixed")
    pipeline = SlicePipeline(BrightEstimator(), BrightSegmenter())
    detector = MissingSliceDetector(pipeline, quality_above=0.3)
    assert detector.assess(SliceInput(empty, window), SliceInput(near, window), mask).finding is finding


@given(filled=st.sets(st.integers(0, 19)), beyond=st.booleans())
def test_empty_slices_are_the_gaps_and_the_ends_each_with_its_nearest_neighbor(filled: set[int], beyond: bool) -> None:
    found = empty_slices(sorted(filled), 20, beyond)
    inside = {i for i in range(20) if i not in filled and any(f < i for f in filled) and any(f > i for f in filled)}
    ends = {i for i in range(20) if i not in filled and filled and i in (min(filled) - 1, max(filled) + 1)}
    assert [index for index, _near in found] == sorted(inside | (ends if beyond else set()))
    for index, near in found:
        assert near in filled
        assert abs(near - index) == min(abs(f - index) for f in filled)
        assert near == min(f for f in filled if abs(f - index) == abs(near - index)), "the lower of two equally near"
