"""Command line and scene show networks the same slices: equal pixels, boxes, positions and scores, whatever the
orientation, the spacing and the obliqueness of the volume."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doubles import DigestEstimator, ThresholdSegmenter
from engine import files
from evanyseg.geometry.anatomy import LPS_TO_RAS
from evanyseg.geometry.boxes import box_around
from evanyseg.geometry.volume import Volume
from evanyseg.io.read import read_image, read_segmentation
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.scoring.stacks import SliceStack
from evanyseg.scoring.volumes import VolumeScorer
from EvanySegSlicerLib.presenters.segmenting import axis_named
from EvanySegSlicerLib.scene.review.open_review import open_review
from orientations import ORIENTATIONS, oriented_matrix, rotation
from scene.headless import add_segmentation, add_volume

relaxed = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def lps_volume(array: np.ndarray, ijk_to_ras: np.ndarray) -> Volume:
    matrix = LPS_TO_RAS @ ijk_to_ras
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    return Volume(array, tuple(spacing.tolist()), tuple(matrix[:3, 3].tolist()), matrix[:3, :3] / spacing)


def both(app, folder, ending, array, labels, matrix, axis, pipeline):
    """(stack read from files as commands do, review of the same in a scene, its segment's id)."""
    volume = lps_volume(array, matrix)
    image = files.write_volume(folder / f"i{ending}", volume)
    mask = files.write_volume(folder / f"l{ending}", volume, labels)
    stack = SliceStack(read_image(image), read_segmentation(mask, binary=True), axis)
    app.scene.Clear(0)
    node = add_volume(app, array, matrix)
    segmentation, ids = add_segmentation(app, node, {"mask": labels > 0})
    return stack, open_review(node, segmentation, pipeline).review, ids["mask"]


@relaxed
@given(
    orientation=st.sampled_from(ORIENTATIONS),
    spacing=st.tuples(*[st.sampled_from([0.5, 0.8, 1.0, 1.04, 1.5, 2.5])] * 3),
    turn=st.one_of(st.just((0.0, 0.0, 0.0)), st.tuples(*[st.floats(-44, 44)] * 3)),
    axis=st.sampled_from(["axial", "coronal", "sagittal"]),
    ending=st.sampled_from([".nrrd", ".nii.gz", ".mha"]),
    seed=st.integers(0, 99),
)
def test_files_and_scene_agree(app, tmp_path, orientation, spacing, turn, axis, ending, seed):
    rng = np.random.default_rng(seed)
    shape = (6, 9, 11)
    array = rng.integers(-500, 500, shape).astype(np.int16)
    labels = (rng.random(shape) < 0.4).astype(np.uint8)
    matrix = oriented_matrix(*orientation, spacing, (7, -9, 4), rotation(*turn))
    pipeline = SlicePipeline(DigestEstimator(), ThresholdSegmenter())
    stack, review, segment_id = both(app, tmp_path, ending, array, labels, matrix, axis, pipeline)
    snapshot, planes = review.reader.snapshot(), stack.planes
    assert axis_named(review, axis) == planes.axis
    for index in range(planes.count):
        mine, theirs = snapshot.slice_input(snapshot.plane(planes.axis, index)), stack.slice_input(index)
        np.testing.assert_array_equal(mine.pixels, theirs.pixels)
        np.testing.assert_array_equal(mine.model_image(), theirs.model_image())
        np.testing.assert_array_equal(
            review.store.mask(segment_id, snapshot.plane(planes.axis, index)), stack.mask(stack.segments[0], index)
        )

    rows = {r.index: r for r in VolumeScorer(stack, pipeline).scores()}
    outcomes = review.jobs.score(planes.axis, [segment_id]).run().outcomes
    assert {o.plane.index for o in outcomes} == set(rows) != set()
    for outcome in outcomes:
        row = rows[outcome.plane.index]
        assert (outcome.estimate.dice, outcome.plane.name) == (row.dice, row.plane)
        assert outcome.plane.position_mm == pytest.approx(row.position, abs=1e-4)  # NIfTI keeps seven digits

    # a box around one place in space
    index = planes.count // 2
    plane = snapshot.plane(planes.axis, index)
    height, width = plane.shape
    corners = plane.to_ras(np.array([[1.0, 1.0], [width - 2.0, height - 1.0]]))
    box, other = box_around(plane, corners), box_around(planes.plane(index), corners)
    assert box.as_tuple() == pytest.approx(other.as_tuple(), abs=1e-4)
    (drawn,) = review.jobs.box(segment_id, plane, box).run().outcomes
    result = pipeline.segment(stack.slice_input(index), box)
    np.testing.assert_array_equal(drawn.mask, result.mask)
    assert drawn.estimate.dice == result.estimate.dice


@pytest.mark.parametrize("orientation", [((0, 1, 2), (-1, -1, 1)), ((1, 2, 0), (1, -1, 1)), ((2, 0, 1), (-1, 1, -1))])
def test_the_built_in_models_agree(app, tmp_path, orientation):
    from evanyseg.models import estimators, segmenters

    k, j, i = np.mgrid[:5, :40, :48]
    inside = ((j - 17) / 9) ** 2 + ((i - 30) / 12) ** 2 < 1
    noise = np.random.default_rng(0).normal(0, 15, inside.shape)
    array = (np.where(inside, 60, -80) + 1.5 * j + noise).astype(np.int16)
    labels = (inside & (i < 35) & (k > 0)).astype(np.uint8)
    matrix = oriented_matrix(*orientation, (0.9, 1.4, 3.0), (5, 6, 7), rotation(20, -5, 8))
    pipeline = SlicePipeline(estimators.create("builtin", "cpu"), segmenters.create("builtin", "cpu"))
    axis = "sagittal" if orientation[0][2] == 0 else "axial" if orientation[0][2] == 2 else "coronal"
    stack, review, segment_id = both(app, tmp_path, ".nii.gz", array, labels, matrix, axis, pipeline)
    rows = {r.index: r.estimate for r in VolumeScorer(stack, pipeline).scores()}
    outcomes = review.jobs.score(stack.planes.axis, [segment_id]).run().outcomes
    assert {o.plane.index: (o.estimate.dice, o.estimate.low, o.estimate.high) for o in outcomes} == {
        n: (e.dice, e.low, e.high) for n, e in rows.items()
    }
    assert len(rows) == 4
    plane = stack.planes.plane(2)
    box = box_around(plane, plane.to_ras(np.array([[4.0, 5.0], [plane.shape[1] - 3.0, plane.shape[0] - 4.0]])))
    (drawn,) = review.jobs.box(segment_id, review.reader.plane(plane.axis, 2), box).run().outcomes
    result = pipeline.segment(stack.slice_input(2), box)
    np.testing.assert_array_equal(drawn.mask, result.mask)
    assert drawn.estimate.dice == result.estimate.dice


@relaxed
@given(
    orientation=st.sampled_from(ORIENTATIONS),
    other=st.sampled_from(ORIENTATIONS),
    turn=st.one_of(st.just((0.0, 0.0, 0.0)), st.tuples(*[st.floats(-30, 30)] * 3)),
    apart=st.one_of(st.just((0.0, 0.0, 0.0)), st.tuples(*[st.floats(-20, 20)] * 3)),
    spacing=st.tuples(*[st.sampled_from([0.5, 0.7, 1.0, 1.9])] * 3),
    shift=st.tuples(*[st.floats(-0.6, 0.6)] * 3),
    axis=st.sampled_from(["axial", "coronal", "sagittal"]),
    seed=st.integers(0, 99),
)
def test_a_mask_with_a_grid_of_its_own_covers_the_same_pixels(
    app, tmp_path, orientation, other, turn, apart, spacing, shift, axis, seed
):
    """Finer, coarser, turned or shifted against the image: both resample it alike."""
    rng = np.random.default_rng(seed)
    array = rng.integers(-500, 500, (9, 11, 13)).astype(np.int16)
    matrix = oriented_matrix(*orientation, (1.0, 1.2, 1.5), (7, -9, 4), rotation(*turn))
    labels = np.zeros((14, 12, 10), np.uint8)
    labels[3:-3, 3:-3, 3:-3] = rng.random((8, 6, 4)) < 0.6
    own = oriented_matrix(*other, spacing, (0, 0, 0), rotation(*apart) @ rotation(*turn))
    middle = (matrix @ [6, 5, 4, 1])[:3] + shift
    own[:3, 3] = middle - (own @ [4.5, 5.5, 6.5, 1])[:3]

    image = files.write_volume(tmp_path / "i.nrrd", lps_volume(array, matrix))
    mask = files.write_volume(tmp_path / "l.nrrd", lps_volume(labels, own), labels)
    stack = SliceStack(read_image(image), read_segmentation(mask, binary=True), axis, allow_cropped=True)
    app.scene.Clear(0)
    node = add_volume(app, array, matrix)
    segmentation, ids = add_segmentation(app, add_volume(app, labels, own, "own grid"), {"mask": labels > 0})
    pipeline = SlicePipeline(DigestEstimator(), ThresholdSegmenter())
    review = open_review(node, segmentation, pipeline).review
    for index in range(stack.planes.count):
        np.testing.assert_array_equal(
            review.store.mask(ids["mask"], review.reader.plane(stack.planes.axis, index)),
            stack.mask(stack.segments[0], index),
        )
    outcomes = review.jobs.score(stack.planes.axis, [ids["mask"]], allow_cropped=True).run().outcomes
    rows = {r.index: r.dice for r in VolumeScorer(stack, pipeline).scores() if r.area}
    assert {o.plane.index: o.estimate.dice for o in outcomes} == rows
