"""Box -> pixel box -> mask -> segment: lands on the voxels it should, leaves all others as they were."""

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from doubles import make_pipeline
from evanyseg.prompts import BoxPrompt
from evanyseg.results import Caveat
from EvanySegSlicerLib.scene.review.open_review import open_review
from orientations import ORIENTATIONS, oriented_matrix, rotation
from scene.headless import add_segmentation, add_transform, add_volume, segment_voxels

relaxed = settings(
    deadline=None, max_examples=48, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

sizes = st.tuples(st.integers(6, 14), st.integers(6, 14), st.integers(6, 14))
spacings = st.tuples(*[st.sampled_from([0.5, 0.8, 1.0, 1.04, 2.5, 5.0])] * 3)
turns = st.one_of(st.just((0.0, 0.0, 0.0)), st.tuples(*[st.floats(-44, 44)] * 3))


@st.composite
def cases(draw):
    dims = list(draw(sizes))
    axis = draw(st.integers(0, 2))
    if draw(st.booleans()):
        dims[axis] = 1  # a single slice
    low, high = [], []
    for n in range(3):
        if n == axis:
            low.append(draw(st.integers(0, dims[n] - 1)))
            high.append(low[-1])
        else:
            low.append(draw(st.integers(0, dims[n] - 3)))
            high.append(draw(st.integers(low[-1] + 2, dims[n] - 1)))
    return tuple(dims), axis, tuple(low), tuple(high)


@relaxed
@given(
    case=cases(),
    orientation=st.sampled_from(ORIENTATIONS),
    spacing=spacings,
    turn=turns,
    parent=st.one_of(st.none(), turns),
    color=st.booleans(),
    seed=st.integers(0, 99),
)
def test_a_box_drawn_in_space_changes_its_own_voxels_only(app, case, orientation, spacing, turn, parent, color, seed):
    app.scene.Clear(0)
    dims, axis, low, high = case
    rng = np.random.default_rng(seed)
    bright = rng.random(dims[::-1]) < 0.6
    bright[low[2], low[1], low[0]] = True  # the box is never empty
    voxels = np.where(bright, 200, 10).astype(np.uint8)
    voxels.flat[:2] = 200, 10  # both intensities are there, whatever the size
    bright = voxels == 200
    matrix = oriented_matrix(*orientation, spacing, (7, -9, 4), rotation(*turn))
    image = np.repeat(voxels[..., None], 3, axis=-1) if color else voxels
    volume = add_volume(app, image, matrix)
    if parent is not None:
        above = np.eye(4)
        above[:3, :3] = rotation(*parent)
        above[:3, 3] = 3, 2, 1
        volume.SetAndObserveTransformNodeID(add_transform(app, above).GetID())
        matrix = above @ matrix
    before = {name: rng.random(dims[::-1]) < 0.3 for name in ("mine", "other")}
    segmentation, ids = add_segmentation(app, volume, before)
    review = open_review(volume, segmentation, make_pipeline()).review
    plane = review.reader.plane(axis, low[axis])

    # the corners of the voxel box in space: half a voxel beyond the outer centres
    corners = [[v - 0.5 if n != axis else v for n, v in enumerate(low)], [v + 0.5 for v in high]]
    corners[1][axis] = high[axis]
    ras = [(matrix @ [*c, 1])[:3] for c in corners]
    box = BoxPrompt.from_corners(*plane.to_pixels(ras)[:, :2].round(4).ravel())
    result = review.jobs.box(ids["mine"], plane, box).run()
    applied = review.apply(result)
    assert applied.ok, applied.message

    expected = before["mine"].copy()
    inside = np.zeros(dims[::-1], bool)
    inside[low[2] : high[2] + 1, low[1] : high[1] + 1, low[0] : high[0] + 1] = True
    # every voxel's place in the picture, by its coordinates in space
    index = np.indices(dims[::-1]).reshape(3, -1)[::-1]
    x, y, z = plane.to_pixels((matrix @ np.r_[index, np.ones((1, index.shape[1]))])[:3].T).T
    on_slice = np.abs(z) < 0.25
    in_box = on_slice & (x > box.x0) & (x < box.x1) & (y > box.y0) & (y < box.y1)
    np.testing.assert_array_equal(in_box.reshape(dims[::-1]), inside)
    answer = np.zeros(len(z), bool)
    answer[on_slice] = result.prompted.mask[y[on_slice].astype(int), x[on_slice].astype(int)]
    answer = answer.reshape(dims[::-1])
    if review.reader.snapshot().slice_input(plane).grid.identity:  # else pixels are resampled before the model
        np.testing.assert_array_equal(answer, bright & inside)
    here = on_slice.reshape(dims[::-1])
    expected[here] = answer[here]
    np.testing.assert_array_equal(segment_voxels(review.store, ids["mine"], dims[::-1], matrix), expected)
    np.testing.assert_array_equal(segment_voxels(review.store, ids["other"], dims[::-1], matrix), before["other"])
    row = review.table.get((ids["mine"], axis, low[axis], ""))
    assert not row.stale
    assert row.area_mm2 == pytest.approx(answer.sum() * plane.pixel_area, rel=1e-5)


@relaxed
@given(
    orientation=st.sampled_from(ORIENTATIONS),
    turn=st.tuples(*[st.floats(8, 35)] * 3),
    shared=st.booleans(),
    seed=st.integers(0, 99),
)
@example(orientation=((1, 0, 2), (1, 1, -1)), turn=(29.0, 9.0, 8.0), seed=0, shared=False)
def test_an_oblique_slice_is_written_through_a_slab_one_voxel_thick(app, orientation, turn, shared, seed):
    app.scene.Clear(0)
    dims = (12, 11, 10)
    rng = np.random.default_rng(seed)
    matrix = oriented_matrix(*orientation, (1.0, 1.3, 0.9), (3, 4, -5), rotation(*turn))
    volume = add_volume(app, np.full(dims[::-1], 100, np.int16), matrix)
    before = {name: rng.random(dims[::-1]) < 0.3 for name in ("mine", "other")}
    if shared:  # disjoint segments lie in one labelmap, until the mask is drawn over the other one
        before["mine"] &= ~before["other"]
    segmentation, ids = add_segmentation(app, volume, before)
    if shared:
        segmentation.GetSegmentation().CollapseBinaryLabelmaps(False)
        assert segmentation.GetSegmentation().GetNumberOfLayers() == 1
    review = open_review(volume, segmentation, make_pipeline()).review
    node = app.slice_node("Red")
    node.SetOrientation("Axial")
    center = (matrix @ [*(np.array(dims) / 2 - 0.5), 1])[:3]
    node.JumpSliceByCentering(*center)
    plane = review.reader.plane_of_view(node)
    assert plane.oblique

    mask = np.zeros(plane.shape, bool)
    xy = plane.to_pixels(center)[0]
    row, col = int(xy[1]), int(xy[0])
    mask[row - 2 : row + 3, col - 2 : col + 3] = True
    assert review.store.write(ids["mine"], plane, mask, volume)

    index = np.indices(dims).reshape(3, -1)
    xyz = plane.to_pixels((matrix @ np.r_[index, np.ones((1, index.shape[1]))])[:3].T)
    slab = np.abs(xyz[:, 2]) <= 0.5 + 1e-3
    sure = np.abs(xyz[:, 2]) < 0.5 - 1e-3
    inside = (np.abs(xyz[:, 0] - col - 0.5) < 2.5 - 1e-3) & (np.abs(xyz[:, 1] - row - 0.5) < 2.5 - 1e-3)
    flat = lambda array: np.transpose(array, (2, 1, 0)).reshape(-1)
    after = flat(segment_voxels(review.store, ids["mine"], dims[::-1], matrix))
    old = flat(before["mine"])
    assert (after[~slab] == old[~slab]).all(), "voxels outside the slab changed"
    assert after[sure & inside].all()
    np.testing.assert_array_equal(segment_voxels(review.store, ids["other"], dims[::-1], matrix), before["other"])
    # what is read back is what was written, up to the rounding of a voxel (1.5 pixels) at the rim
    back = review.store.mask(ids["mine"], plane)
    assert back[row, col]
    far = np.ones(plane.shape, bool)
    far[max(0, row - 4) : row + 5, max(0, col - 4) : col + 5] = False
    assert not (back & far).any(), "the slice is replaced, not added to"


def test_writing_many_overlapping_segments_never_disturbs_another(app):
    """Segments share labelmaps in Slicer: random slices of three segments along all axes, 200 times."""
    rng = np.random.default_rng(1)
    shape = (8, 9, 10)
    volume = add_volume(app, np.zeros(shape, np.int16))
    review = open_review(volume).review
    truth = {review.store.add(name): np.zeros(shape, bool) for name in "ABC"}
    for step in range(200):
        segment_id = list(truth)[rng.integers(3)]
        axis = int(rng.integers(3))
        plane = review.reader.plane(axis, int(rng.integers(shape[2 - axis])))
        mask = rng.random(plane.shape) < rng.choice([0.0, 0.2, 0.9])
        assert review.store.write(segment_id, plane, mask, volume)
        plane.take(truth[segment_id])[...] = mask
        for one, expected in truth.items():
            found = segment_voxels(review.store, one, shape, np.eye(4))
            assert np.array_equal(found, expected), f"step {step}, segment {one}"


@pytest.mark.parametrize("under", ["both", "volume only"])
def test_volume_and_segmentation_under_parent_transforms(app, under):
    shape = (7, 8, 9)
    matrix = oriented_matrix(signs=(-1, -1, 1), spacing=(1, 1, 2))
    image = np.full(shape, 10, np.int16)
    image[3, 2:6, 3:7] = 200
    volume = add_volume(app, image, matrix)
    segmentation, ids = add_segmentation(app, volume, {"one": np.zeros(shape, bool)})
    above = np.eye(4)
    above[:3, :3] = rotation(10, 20, 30)
    above[:3, 3] = 5, 6, 7
    transform = add_transform(app, above)
    volume.SetAndObserveTransformNodeID(transform.GetID())
    if under == "both":
        segmentation.SetAndObserveTransformNodeID(transform.GetID())
    review = open_review(volume, segmentation, make_pipeline()).review
    plane = review.reader.plane(2, 3)
    from scene.headless import inner_box

    applied = review.segment_box(ids["one"], plane, inner_box(plane))
    assert applied.ok
    row = review.table.get((ids["one"], 2, 3, ""))
    assert not row.stale
    if under == "both":
        found = segment_voxels(review.store, ids["one"], shape, above @ matrix)
        np.testing.assert_array_equal(found, image == 200)
        assert row.dice == 1.0
        assert Caveat.RESAMPLED not in row.caveat_list
    else:  # voxels do not coincide: written onto the segmentation's own, and scored as stored
        stored = review.store.mask(ids["one"], plane)
        assert 0.6 < row.dice < 1.0
        assert np.count_nonzero(stored) == pytest.approx(np.count_nonzero(image == 200), rel=0.4)
        assert stored.any()
        assert Caveat.RESAMPLED in row.caveat_list
