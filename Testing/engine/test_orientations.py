"""One volume in space has one set of slices, in whatever order, direction and obliqueness a file stores its voxels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doubles import DigestEstimator
from evanyseg.geometry.anatomy import LPS_TO_RAS, PLANE_NAMES, anatomical_axes
from evanyseg.geometry.plane_stack import stack_of
from evanyseg.geometry.square_grid import SquareGrid
from evanyseg.geometry.volume import Volume
from evanyseg.io.segmentation import segmentation_of_labels
from evanyseg.pipeline.intensity import PRESETS
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.prompts import BoxPrompt
from evanyseg.scoring.stacks import SliceStack
from evanyseg.scoring.volumes import SliceScore, VolumeScorer
from orientations import ORIENTATIONS, oriented_matrix, rotation, stored_as

SHAPE = (6, 9, 11)
spacings = st.tuples(*[st.sampled_from([0.5, 0.7, 1.0, 1.04, 1.5, 3.0])] * 3)
turns = st.one_of(
    st.just((0.0, 0.0, 0.0)),
    st.sampled_from([(45.0, 0.0, 0.0), (0.0, 45.0, 0.0), (0.0, 0.0, -45.0)]),  # two axes are equally near
    st.tuples(*[st.floats(-44, 44)] * 3),
)


def volume_of(array: np.ndarray, ijk_to_ras: np.ndarray) -> Volume:
    matrix = LPS_TO_RAS @ ijk_to_ras
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    i, j, k = (float(v) for v in spacing)
    x, y, z = (float(v) for v in matrix[:3, 3])
    return Volume(array, (i, j, k), (x, y, z), matrix[:3, :3] / spacing)


def scan(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise, and labels 1 and 2 without any symmetry."""
    rng = np.random.default_rng(seed)
    image = rng.integers(-1000, 1000, SHAPE).astype(np.int16)
    labels = (rng.random(SHAPE) < 0.4).astype(np.uint8) * rng.integers(1, 3, SHAPE).astype(np.uint8)
    return image, labels


def scores(image: np.ndarray, labels: np.ndarray, matrix: np.ndarray, axis: str, **options) -> list[SliceScore]:
    volume = volume_of(image, matrix)
    stack = SliceStack(volume, segmentation_of_labels(labels, volume), axis, **options)
    rows = VolumeScorer(stack, SlicePipeline(DigestEstimator()), keep_masks=True).scores()
    return sorted(rows, key=lambda r: (round(r.position, 3), r.segment))


@settings(deadline=None, max_examples=96)
@given(
    first=st.sampled_from(ORIENTATIONS),
    other=st.sampled_from(ORIENTATIONS),
    spacing=spacings,
    turn=turns,
    axis=st.sampled_from(PLANE_NAMES),
    seed=st.integers(0, 99),
)
def test_the_same_scan_stored_otherwise_gives_the_same_slices_and_scores(first, other, spacing, turn, axis, seed):
    image, labels = scan(seed)
    matrix = oriented_matrix(*first, spacing, (7, -9, 4), rotation(*turn))
    there, there_matrix = stored_as(image, matrix, *other)
    expected = scores(image, labels, matrix, axis)
    found = scores(there, stored_as(labels, matrix, *other)[0], there_matrix, axis)
    assert len(expected) >= SHAPE[0]
    for a, b in zip(expected, found, strict=True):
        assert (a.segment, a.plane, a.area, a.box, a.dice) == (b.segment, b.plane, b.area, b.box, b.dice)
        assert a.position == pytest.approx(b.position, abs=1e-6)
        np.testing.assert_array_equal(a.mask, b.mask)


@pytest.mark.parametrize("other", ORIENTATIONS)
def test_a_displayed_box_means_the_same_place_in_all_48(other) -> None:
    image, labels = scan(3)
    matrix = oriented_matrix(spacing=(1, 1.5, 2), rotation=rotation(20, 10, 5))
    there, there_matrix = stored_as(image, matrix, *other)
    box = BoxPrompt(1.5, 2, 8, 5.25)
    axis = anatomical_axes(there_matrix).index(PLANE_NAMES.index("coronal"))
    index = 4 if other[1][axis] > 0 else SHAPE[1] - 1 - 4
    expected = scores(image, labels, matrix, "coronal", only=4, box=box)
    found = scores(there, stored_as(labels, matrix, *other)[0], there_matrix, "coronal", only=index, box=box)
    assert [r.dice for r in found] == [r.dice for r in expected]
    assert [r.position for r in found] == pytest.approx([r.position for r in expected])


def test_the_built_in_estimator_scores_all_48_alike() -> None:
    """A CT-like scan stored as LPS, RAS, PIR, ASL ... had scores up to .056 apart when networks saw files' order."""
    from evanyseg.models import estimators

    k, j, i = np.mgrid[:3, :40, :48]
    inside = ((j - 17) / 9) ** 2 + ((i - 30) / 12) ** 2 < 1
    noise = np.random.default_rng(0).normal(0, 15, inside.shape)
    image = (np.where(inside, 60, -80) + 1.5 * j + noise).astype(np.int16)
    labels = (inside & (i < 35) & (k == 1)).astype(np.uint8)
    matrix = oriented_matrix(signs=(-1, -1, 1), spacing=(0.9, 1.4, 3.0), rotation=rotation(8, -5, 12))
    pipeline = SlicePipeline(estimators.create("builtin", "cpu"))
    found = []
    for orientation in ORIENTATIONS:
        there, there_matrix = stored_as(image, matrix, *orientation)
        volume = volume_of(there, there_matrix)
        segmentation = segmentation_of_labels(stored_as(labels, matrix, *orientation)[0], volume)
        (row,) = VolumeScorer(SliceStack(volume, segmentation, "axial"), pipeline).scores()
        found.append((row.dice, row.estimate.low, row.estimate.high, round(row.position, 6), row.box))
    assert 0 < found[0][0] < 1
    assert set(found) == {found[0]}


def test_positions_are_distances_along_the_normal() -> None:
    """As a slice view's slider has them; on a tilted volume that is not the height of the slice's centre."""
    matrix = oriented_matrix(spacing=(1, 1, 2), origin=(0, -60, 30), rotation=rotation(20, 0, 0))
    volume = volume_of(np.zeros((9, 40, 40), np.uint8), matrix)
    plane = stack_of(volume, "axial").plane(3)
    normal = matrix[:3, 2] / 2
    center = (matrix @ [19.5, 19.5, 3, 1])[:3]
    assert plane.position_mm == pytest.approx(float(normal @ center))
    assert abs(plane.position_mm - center[2]) > 5


@pytest.mark.parametrize("angle", [45.0, -45.0, 135.0])
@pytest.mark.parametrize("about", [0, 1, 2])
def test_axes_turned_by_45_degrees_have_one_name_however_stored(angle: float, about: int) -> None:
    turn = [0.0, 0.0, 0.0]
    turn[about] = angle
    matrix = oriented_matrix(spacing=(1.0, 1.0, 1.0), rotation=rotation(*turn))
    named = set()
    for orientation in ORIENTATIONS:
        there = stored_as(np.zeros(SHAPE, np.uint8), matrix, *orientation)[1]
        along = there[:3, [anatomical_axes(there).index(world) for world in range(3)]]
        along = along * np.sign(np.diag(along))  # whichever way the file counts along them
        named.add(tuple((along + 0.0).round(6).ravel()))
    assert len(named) == 1


@pytest.mark.parametrize("shape", [(131, 130, 129), (3, 1000, 900), (300, 300, 40), (1, 1500, 1501)])
def test_a_large_volume_has_one_window_however_stored(shape: tuple[int, int, int]) -> None:
    """Percentiles of large volumes are those of a sample, which must not depend on the order of the voxels."""
    image = np.random.default_rng(0).normal(0, 300, shape).astype(np.float32)
    image[0, :5] = 5000
    expected = PRESETS["percentile"].fit(image)
    exact = np.percentile(image, (0.5, 99.5))
    assert (expected.low, expected.high) == pytest.approx(tuple(exact), abs=15)
    for permutation, signs in [((2, 0, 1), (1, -1, 1)), ((1, 0, 2), (-1, -1, -1)), ((0, 1, 2), (-1, 1, 1))]:
        assert PRESETS["percentile"].fit(stored_as(image, np.eye(4), permutation, signs)[0]) == expected


def test_the_last_digits_of_a_header_do_not_change_the_size_of_square_pixels() -> None:
    for noise in (0.0, 1e-7, -1e-7):
        assert SquareGrid((5, 8), (1.5 + noise, 1.0)).square_shape == (8, 8)  # 7.5 pixels
        assert SquareGrid((9, 8), (1.5, 1.0 + noise)).square_shape == (14, 8)  # 13.5
        assert SquareGrid((20, 20), (1.05 + noise, 1.0)).square_shape == (20, 20)  # just still taken as square
