"""Scoring a segmentation slice by slice: the right pixels reach the estimator, whatever the axis and the geometry."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doubles import BrightEstimator
from engine import phantom
from engine.scoring import scored
from evanyseg.errors import GeometryError, PromptError
from evanyseg.geometry.volume import Volume
from evanyseg.io.segmentation import Segment, Segmentation
from evanyseg.pipeline.intensity import PRESETS
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.prompts import BoxPrompt
from evanyseg.results import Caveat
from evanyseg.scoring.stacks import SliceStack
from evanyseg.scoring.volumes import VolumeScorer

SHAPE = (12, 40, 48)


def test_right_masks_score_one_and_shifted_ones_less() -> None:
    volume, labels = phantom.volume(SHAPE), phantom.ball(SHAPE).astype(np.uint8)
    labels[5] = np.roll(labels[5], 9, axis=1)
    rows = {r.index: r for r in scored(volume, labels)}
    filled = np.flatnonzero(labels.any(axis=(1, 2)))
    assert sorted(rows) == filled.tolist()
    assert rows[6].dice == pytest.approx(1.0)
    assert rows[5].dice < 0.85
    assert rows[6].area == np.count_nonzero(labels[6])
    assert rows[6].box == BoxPrompt.of_mask(labels[6] > 0)
    assert rows[6].position == pytest.approx(100.0 + 2 * 6)
    assert rows[6].intensity.startswith("percentile [")


@pytest.mark.parametrize("axis", ["axial", "coronal", "sagittal"])
def test_every_axis_gets_its_own_slices(axis: str) -> None:
    volume, labels = phantom.volume(SHAPE), phantom.ball(SHAPE).astype(np.uint8)
    array_axis = {"axial": 0, "coronal": 1, "sagittal": 2}[axis]
    moved = np.moveaxis(labels, array_axis, 0)
    moved[SHAPE[array_axis] // 2] = 0
    moved[SHAPE[array_axis] // 2, 2:5, 2:5] = 1  # a wrong patch on one slice
    rows = scored(volume, labels, axis=axis)
    worst = min(rows, key=lambda r: r.dice)
    assert worst.index == SHAPE[array_axis] // 2
    assert worst.dice == 0.0
    assert all(r.dice > 0.99 for r in rows if r is not worst)


@settings(deadline=None, max_examples=30)
@given(
    order=st.sampled_from(list(permutations(range(3)))),
    flips=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    square=st.floats(0.5, 3.0),
    thick=st.floats(0.5, 3.0),
    angle=st.floats(-0.4, 0.4),
)
def test_an_axis_means_the_same_slices_however_the_voxels_are_stored(order, flips, square, thick, angle) -> None:
    """One object, stored in all 48 orders and flips and tilted: the wrong slice is found at the same place."""
    shape, spacing = (10, 14, 18), (square, square, thick)
    labels = phantom.ball(shape).astype(np.uint8)
    labels[4] = np.roll(labels[4], 5, axis=1)
    volume = phantom.volume(shape, spacing=spacing, direction=_tilt(angle))
    reference = {round(r.position, 3): r.dice for r in scored(volume, labels, axis="axial")}
    array, kept, direction, steps = volume.array, labels, volume.direction, np.array(spacing)
    origin = np.array(volume.origin)
    for axis, flip in enumerate(flips):  # axis of the array, K first
        if flip:
            array, kept = np.flip(array, axis), np.flip(kept, axis)
            ijk = 2 - axis
            origin = origin + direction[:, ijk] * steps[ijk] * (shape[axis] - 1)
            direction = direction.copy()
            direction[:, ijk] *= -1
    array, kept = array.transpose(order), kept.transpose(order)
    ijk_order = [2 - order[2 - n] for n in range(3)]
    stored = Volume(array, tuple(steps[ijk_order]), tuple(origin), direction[:, ijk_order], name="stored")
    rows = {round(r.position, 3): r.dice for r in scored(stored, kept, axis="axial")}
    assert rows.keys() == reference.keys()
    for position, value in reference.items():
        assert rows[position] == pytest.approx(value, abs=1e-6)


def _tilt(angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def test_overlapping_layers_are_scored_apart() -> None:
    volume = phantom.volume(SHAPE)
    right = phantom.ball(SHAPE)
    wrong = np.zeros(SHAPE, np.uint8)
    wrong[:, :5, :5] = 1
    segments = (Segment("a", "a", 1, 0), Segment("b", "b", 1, 1))
    both = Segmentation(volume, (right.astype(np.uint8), wrong | right), segments)
    pipeline = SlicePipeline(BrightEstimator())
    rows = list(VolumeScorer(SliceStack(volume, both), pipeline).scores())
    assert min(r.dice for r in rows if r.segment == "a") > 0.99
    assert max(r.dice for r in rows if r.segment == "b") < 0.99


def test_a_slice_image_is_made_once_for_all_its_labels() -> None:
    volume = phantom.volume(SHAPE)
    labels = phantom.ball(SHAPE).astype(np.uint8)
    labels[:, :20] *= 2
    estimator = BrightEstimator()
    estimator.keep = True
    scored(volume, labels, estimator=estimator)
    images = {id(case.image) for case in estimator.seen}
    assert len(estimator.seen) == 2 * len(images)


def test_1_slice_volumes_of_every_plane() -> None:
    for shape in ((1, 40, 48), (40, 1, 48), (40, 48, 1)):
        labels = np.zeros(shape, np.uint8)
        flat = phantom.ball((1, *[n for n in shape if n > 1]))[0]
        labels[...] = flat.reshape(shape)
        array = np.where(labels, 200, 20).astype(np.int16)
        rows = scored(Volume(array), labels)
        assert [round(r.dice, 2) for r in rows] == [1.0]


def test_color_volumes_pass_as_they_are() -> None:
    array = np.stack([phantom.volume(SHAPE, np.uint8).array] * 3, axis=-1)
    rows = scored(Volume(array), phantom.ball(SHAPE).astype(np.uint8))
    assert {r.intensity for r in rows} == {"rgb"}
    assert min(r.dice for r in rows) > 0.99


def test_anisotropic_slices_reach_the_estimator_with_square_pixels() -> None:
    volume = phantom.volume(SHAPE, spacing=(1.0, 1.0, 4.0))
    estimator = BrightEstimator()
    estimator.keep = True
    rows = scored(volume, phantom.ball(SHAPE).astype(np.uint8), axis="coronal", estimator=estimator)
    assert estimator.seen[0].mask.shape == (4 * 12, 48)
    assert rows[len(rows) // 2].box.y1 <= 12  # reported in the slice's own pixels


def test_constant_images_nan_voxels_and_full_masks_carry_their_caveats() -> None:
    flat = Volume(np.full((3, 20, 20), 7, np.int16))
    labels = np.zeros((3, 20, 20), np.uint8)
    labels[1, 5:15, 5:15] = 1
    assert Caveat.CONSTANT_IMAGE in scored(flat, labels)[0].estimate.caveats
    holes = np.where(phantom.ball((3, 20, 20)), 200.0, 20.0)
    holes[1, 0, 0] = np.nan
    found = {r.index: r.estimate.caveats for r in scored(Volume(holes), np.ones((3, 20, 20), np.uint8))}
    assert Caveat.NOT_A_NUMBER in found[1]
    assert Caveat.NOT_A_NUMBER not in found[0]


def test_one_slice_with_a_box_and_an_empty_mask_is_scored_zero() -> None:
    volume, labels = phantom.volume(SHAPE), phantom.ball(SHAPE).astype(np.uint8)
    labels[6] = 0
    rows = scored(volume, labels, only=6, box=BoxPrompt(10, 10, 40, 30))
    assert [(r.index, r.dice, r.estimate.caveats) for r in rows] == [(6, 0.0, (Caveat.EMPTY_MASK,))]
    assert math.isnan(scored(volume, labels, only=6)[0].dice)


def test_boxes_are_checked_before_anything_runs() -> None:
    volume, labels = phantom.volume(SHAPE), phantom.ball(SHAPE).astype(np.uint8)
    with pytest.raises(PromptError, match="belongs to one slice"):
        scored(volume, labels, box=BoxPrompt(0, 0, 9, 9))
    with pytest.raises(PromptError, match="outside the image of 48 x 40"):
        scored(volume, labels, only=3, box=BoxPrompt(100, 0, 120, 9))
    with pytest.raises(GeometryError, match="no axial slice 12"):
        scored(volume, labels, only=12)
    partly = scored(volume, labels, only=6, box=BoxPrompt(-5, 0, 40, 40))[0]
    assert Caveat.BOX_OFF_IMAGE in partly.estimate.caveats
    assert partly.box == BoxPrompt(0, 0, 40, 40)


def test_the_intensity_preset_is_recorded_and_decides() -> None:
    volume, labels = phantom.volume(SHAPE), phantom.ball(SHAPE).astype(np.uint8)
    dark = scored(volume, labels, preset=PRESETS["ct-bone"])  # 200 HU is dark in a bone window
    assert dark[0].intensity == "ct-bone [-500, 1300]"
    assert max(r.dice for r in dark) == 0.0
