"""Grids, crops, resampling and anatomical axes of volumes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine import phantom
from evanyseg.errors import GeometryError
from evanyseg.geometry.anatomy import PLANE_NAMES
from evanyseg.geometry.plane_stack import stack_of
from evanyseg.geometry.regrid import voxel_move
from evanyseg.geometry.volume import Volume
from evanyseg.io.segmentation import segmentation_of_labels

TILT = np.array([[0.96, -0.28, 0.0], [0.28, 0.96, 0.0], [0.0, 0.0, 1.0]])


# ---- geometry ----------------------------------------------------------------------------------------------------


def test_a_cropped_segmentation_lands_on_its_voxels() -> None:
    volume = phantom.volume((8, 20, 24), direction=TILT)
    labels = phantom.ball((8, 20, 24)).astype(np.uint8)
    inner = labels[2:6, 4:15, 5:20]
    origin = tuple((volume.ijk_to_lps @ [5, 4, 2, 1])[:3])
    cropped = segmentation_of_labels(inner, replace(volume, array=inner, origin=origin))
    move = voxel_move(cropped.grid, volume)
    assert move is not None
    assert (move.order, move.reverse, move.start) == ((0, 1, 2), (), (2, 4, 5))
    expected = np.zeros_like(labels)
    expected[2:6, 4:15, 5:20] = inner
    assert np.array_equal(cropped.on_grid_of(volume).layers[0], expected)


def test_a_segmentation_larger_than_the_volume_is_cropped() -> None:
    volume = phantom.volume((4, 6, 6))
    wide = np.arange(10 * 10 * 10, dtype=np.uint16).reshape(10, 10, 10)
    origin = tuple((volume.ijk_to_lps @ [-2, -1, -3, 1])[:3])
    found = segmentation_of_labels(wide, replace(volume, array=wide, origin=origin))
    with pytest.raises(GeometryError, match="lies outside the image"):
        found.on_grid_of(volume)
    moved = found.on_grid_of(volume, allow_cropped=True)
    assert np.array_equal(moved.layers[0], wide[3:7, 1:7, 2:8])


def test_another_grid_is_resampled_by_nearest_neighbor() -> None:
    volume = phantom.volume((6, 30, 30), spacing=(1, 1, 1), origin=(0, 0, 0))
    fine = np.zeros((12, 60, 60), np.uint8)
    fine[4:8, 20:40, 10:50] = 7
    grid = Volume(fine, (0.5, 0.5, 0.5), (-0.25, -0.25, -0.25), name="fine")
    found = segmentation_of_labels(fine, grid).on_grid_of(volume)
    assert np.array_equal(found.layers[0], fine[::2, ::2, ::2])


def test_a_segmentation_of_another_place_is_refused() -> None:
    volume = phantom.volume()
    labels = phantom.ball().astype(np.uint8)
    far = segmentation_of_labels(labels, replace(volume, origin=(5000.0, 0.0, 0.0), name="other"))
    with pytest.raises(GeometryError, match="other and the image phantom do not overlap"):
        far.on_grid_of(volume)


def test_anatomical_axes_find_the_nearest_voxel_axis() -> None:
    # a sagittal acquisition: i runs along y, j along -z, k along x
    direction = np.array([[0, 0, 1], [1, 0, 0], [0, -1, 0]], float)
    volume = phantom.volume((5, 7, 9), direction=direction)
    assert [stack_of(volume, a).axis for a in ("sagittal", "coronal", "axial")] == [2, 0, 1]
    assert stack_of(volume, "axial").shape == (9, 5)  # x right: the patient's left is k; y down: posterior is i
    assert stack_of(volume, "axial").spacing == (1.0, 2.0)
    assert stack_of(volume, "axial").plane(0).thickness == 1.0
    assert stack_of(volume).name == "axial"


def test_positions_are_ras_as_slicer_shows_them() -> None:
    volume = Volume(np.zeros((4, 5, 6), np.int16), (1.0, 2.0, 3.0), (10.0, 20.0, 30.0))
    position = lambda name, index: stack_of(volume, name).plane(index).position_mm
    assert position("axial", 2) == pytest.approx(36.0)
    assert position("coronal", 1) == pytest.approx(-22.0)
    assert position("sagittal", 3) == pytest.approx(-13.0)


def test_a_volume_of_one_slice_is_cut_along_its_thin_axis() -> None:
    for axis, shape in {"axial": (1, 8, 9), "coronal": (8, 1, 9), "sagittal": (8, 9, 1)}.items():
        plane = stack_of(phantom.volume(shape))
        assert plane.name == axis
        assert plane.count == 1


def test_slices_and_axes_that_are_not_there_are_named() -> None:
    volume = phantom.volume((4, 8, 8))
    with pytest.raises(GeometryError, match="no axial slice 4; slices go from 0 to 3"):
        stack_of(volume, "axial").pixels(4)
    with pytest.raises(GeometryError, match="Unknown slice axis 'oblique'"):
        stack_of(volume, "oblique")
    assert set(PLANE_NAMES) == {"axial", "coronal", "sagittal"}
