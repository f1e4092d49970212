"""Label maps that were resized with interpolation: a label between two others is also a line around one of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import zoom

from engine import files, phantom
from evanyseg.io.interpolated import INTERPOLATED, interpolated_values, line_of
from evanyseg.io.read import read_segmentation
from evanyseg.scoring.stacks import SliceStack


def heart(side: int = 60) -> np.ndarray:
    """uint8 [side, side]: a cavity (3) in a wall (2), beside them another cavity (1)."""
    rows, columns = np.mgrid[:side, :side]
    distance = np.hypot(rows - side / 2, columns - side * 0.6)
    labels = np.where(np.hypot(rows - side / 2, columns - side * 0.38) < side * 0.2, 1, 0)
    labels[distance < side * 0.25] = 2
    labels[distance < side * 0.15] = 3
    return labels.astype(np.uint8)


def resized(labels: np.ndarray, factor: float, order: int) -> np.ndarray:
    return np.round(zoom(labels.astype(float), factor, order=order)).astype(np.uint8)


@pytest.mark.parametrize("factor", [1.3, 1.7, 3.7])
def test_interpolation_is_found_and_nearest_neighbor_is_not(factor):
    labels = heart()
    assert interpolated_values(labels[None]) == ()
    assert interpolated_values(resized(labels, factor, order=0)[None]) == ()
    assert interpolated_values(resized(labels, factor, order=1)[None]) == (1,)  # 3 to 2 leaves nothing between


def test_the_line_is_what_surrounds_the_higher_label_alone():
    labels = np.zeros((30, 30), np.uint8)
    labels[4:25, 4:25] = 1
    labels[5:24, 5:24] = 2
    labels[10:20, 25:30] = 1
    line = line_of(labels, 1)
    assert line[4, 10]
    assert line[10, 4]
    assert not line[10:20, 26:].any()
    assert not line[labels != 1].any()


@pytest.mark.parametrize("thick", [3, 5])
def test_a_wall_of_more_than_two_pixels_is_a_wall(thick):
    labels = np.zeros((40, 40), np.uint8)
    labels[8 - thick : 32 + thick, 8 - thick : 32 + thick] = 1
    labels[8:32, 8:32] = 2
    assert interpolated_values(labels[None]) == ()


def test_a_thin_line_here_and_there_is_nature():
    labels = np.zeros((40, 40), np.uint8)
    labels[8:32, 8:32] = 2
    labels[7, 8:32] = 1  # along one side of four
    assert interpolated_values(labels[None]) == ()


@given(st.lists(st.integers(0, 5), min_size=64, max_size=64), st.integers(1, 400))
def test_labels_may_be_anything(values, factor):
    labels = (np.array(values).reshape(1, 8, 8) * factor).astype(np.uint32)
    assert set(interpolated_values(labels)) <= set(np.unique(labels).tolist())
    assert interpolated_values(np.zeros((2, 0, 3), np.uint8)) == ()


def test_the_label_is_scored_with_a_caveat_and_the_others_without(tmp_path: Path):
    volume = phantom.volume()
    labels = np.zeros(volume.shape, np.uint8)
    labels[:, 6:18, 6:18] = 1
    labels[:, 7:17, 7:17] = 2
    labels[:, 20:24, 8:20] = 1
    found = read_segmentation(files.write_volume(tmp_path / "l.nii.gz", volume, labels))
    assert {s.value: found.caveats_of(s) for s in found.segments} == {1: (INTERPOLATED,), 2: ()}
    stack = SliceStack(volume, found)
    assert INTERPOLATED in stack.caveats_of(stack.segments[0])
    merged = read_segmentation(tmp_path / "l.nii.gz", binary=True)
    assert merged.all_caveats == ()
