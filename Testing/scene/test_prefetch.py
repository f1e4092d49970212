"""Slices are encoded before they are asked for, and nobody ever waits for that."""

from __future__ import annotations

import numpy as np
import pytest

from doubles import ThresholdSegmenter
from evanyseg.geometry.slice_plane import slice_plane
from EvanySegSlicerLib.presenters.prefetch import neighbors
from scene.desk import Desk, desk

__all__ = ["desk"]  # a fixture


@pytest.fixture
def unlike(desk):
    """The desk with no two slices alike: what is alike is encoded once."""
    from vtk.util.numpy_support import vtk_to_numpy

    scalars = desk.volume.GetImageData().GetPointData().GetScalars()
    vtk_to_numpy(scalars).reshape(12, 64, 64)[:, 0, 0] = np.arange(12)
    scalars.Modified()
    desk.choose()
    desk.draw(5)
    return desk


def segmenter_of(desk: Desk) -> ThresholdSegmenter:
    found = desk.controller.review.pipeline.segmenter
    assert isinstance(found, ThresholdSegmenter)
    return found


def test_the_slice_further_on_is_encoded_first(unlike):
    assert segmenter_of(unlike).embedded == 3
    planes = [(3, 5, [2, 4]), (5, 3, [6, 4]), (0, 3, [1]), (11, 3, [10]), (5, None, [6, 4])]
    volume = unlike.controller.review.reader.snapshot()
    at = lambda index: slice_plane(volume.ijk_to_ras, volume.dims, 2, index)
    for index, before, expected in planes:
        found = neighbors(at(index), at(before) if before is not None else None, volume)
        assert [p.index for p in found] == expected


def test_the_user_never_waits_behind_a_prefetched_slice(unlike):
    made = segmenter_of(unlike).embedded
    assert made == 3
    unlike.segmenting.prefetch(unlike.look(8))
    unlike.segmenting.prefetch(unlike.look(9))  # another one is wanted: the first is not encoded any more
    unlike.executor.run_all()
    assert segmenter_of(unlike).embedded == made + 1
    unlike.segmenting.prefetch(unlike.look(8))
    unlike.segmenting.box_drawn(unlike.look(1), unlike.corners(1, (10, 10, 54, 54)))
    unlike.executor.run_next()  # the prefetched slice gives way
    assert segmenter_of(unlike).embedded == made + 1
    unlike.executor.run_all()
    assert len(unlike.rows) == 2


def test_what_is_read_ahead_is_not_read_twice(unlike):
    made = segmenter_of(unlike).embedded
    unlike.segmenting.prefetch(unlike.look(8))
    unlike.segmenting.prefetch(unlike.look(8))
    unlike.segmenting.box_drawn(unlike.look(8), unlike.corners(8, (10, 10, 54, 54)))
    unlike.executor.run_next()
    assert segmenter_of(unlike).embedded == made + 1
    unlike.executor.run_next()
    assert segmenter_of(unlike).embedded == made + 1
    assert len(unlike.rows) == 2


def test_other_work_does_not_wait_either(unlike):
    made = segmenter_of(unlike).embedded
    unlike.segmenting.prefetch(unlike.look(8))
    unlike.controller.start("Anything", lambda context: None, lambda result: None)
    unlike.executor.run_all()
    assert segmenter_of(unlike).embedded == made
