"""Kinds of images and segmentations that other tools refuse, and those that must be refused in a clear sentence."""

import numpy as np
import pytest
from vtk.util.numpy_support import vtk_to_numpy

from doubles import make_pipeline
from evanyseg.errors import GeometryError, ImageError
from evanyseg.geometry.volume import Volume
from evanyseg.results import Caveat
from EvanySegSlicerLib.scene.nodes.add_volume import add_volume as node_of
from EvanySegSlicerLib.scene.nodes.volume_reader import VolumeReader
from EvanySegSlicerLib.scene.review.open_review import open_review
from orientations import oriented_matrix, rotation
from scene.headless import add_segmentation, add_transform, add_volume, ball, inner_box, phantom, segment_voxels


def segmented(app, array, matrix=None, axis=2, index=0):
    """(review, row) after a box over one slice."""
    volume = add_volume(app, array, matrix)
    review = open_review(volume, pipeline=make_pipeline()).review
    segment = review.store.add("one")
    plane = review.reader.plane(axis, index)
    applied = review.segment_box(segment, plane, inner_box(plane))
    assert applied.ok, applied.message
    return review, review.table.get(applied.keys[0])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_volume_of_one_slice(app, axis):
    picture = np.full((30, 40), 10, np.int16)
    picture[8:20, 10:30] = 300
    array = np.expand_dims(picture, 2 - axis)
    review, row = segmented(app, array, axis=axis)
    assert row.dice == 1.0
    np.testing.assert_array_equal(segment_voxels(review.store, row.segment_id, array.shape, np.eye(4)), array == 300)
    applied = review.propagate(row.segment_id, review.reader.plane(axis, 0))
    assert applied.keys == (), "there are no neighbours"
    assert review.find_missing(axis).keys == ()


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_color_images_of_8_and_16_bits(app, channels, dtype):
    top = np.iinfo(dtype).max
    array = np.full((2, 20, 30, channels), top // 20, dtype)
    array[1, 5:12, 8:20] = top
    review, row = segmented(app, array, index=1)
    assert row.window == "rgb"
    assert row.dice == 1.0
    assert review.store.mask(row.segment_id, review.reader.plane(2, 1)).sum() == 7 * 12


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_every_voxel_type(app, dtype):
    array = np.full((2, 20, 30), 10, dtype)
    array[1, 5:12, 8:20] = 120
    assert segmented(app, array, index=1)[1].dice == 1.0


def test_nan_voxels_are_scored_with_a_caveat(app):
    array = np.full((2, 20, 30), 10, np.float32)
    array[1, 5:12, 8:20] = 100
    array[1, 0, 0] = np.nan
    _, row = segmented(app, array, index=1)
    assert row.dice == 1.0
    assert Caveat.NOT_A_NUMBER in row.caveat_list


def test_a_constant_image_is_scored_with_a_caveat_and_nothing_is_invented(app):
    _, row = segmented(app, np.full((2, 20, 30), 7, np.int16))
    assert Caveat.CONSTANT_IMAGE in row.caveat_list


def test_a_mask_that_fills_the_slice(app):
    volume = add_volume(app, np.full((3, 20, 30), 100, np.int16))
    segmentation, _ids = add_segmentation(app, volume, {"all": np.ones((3, 20, 30), bool)})
    review = open_review(volume, segmentation, make_pipeline()).review
    review.score_existing(2)
    assert [r.area_mm2 for r in review.table.records()] == [600.0] * 3


@pytest.mark.parametrize("scale", [(0.5, 0.5, 0.5), (2.0, 2.0, 2.0), (1.0, 1.0, 3.0)])
def test_a_segmentation_of_another_geometry_is_read_by_nearest_neighbor_and_written_in_its_own(app, scale):
    truth = ball((30, 40, 50))
    volume = add_volume(app, phantom(truth))
    fine = oriented_matrix(spacing=scale, origin=(0.1, -0.2, 0.05))
    shape = tuple(int(np.ceil(n / s)) for n, s in zip((30, 40, 50), scale[::-1], strict=True))
    other = add_volume(app, np.zeros(shape, np.int16), fine, "other grid")
    k, j, i = np.indices(shape)
    at = [
        np.clip(np.rint(v * s + o).astype(int), 0, n - 1)
        for v, s, o, n in zip((k, j, i), scale[::-1], (0.05, -0.2, 0.1), truth.shape, strict=True)
    ]
    held = truth[tuple(at)]
    segmentation, ids = add_segmentation(app, other, {"one": held})
    review = open_review(volume, segmentation, make_pipeline()).review

    read = review.store.mask(ids["one"], review.reader.plane(2, 15))
    overlap = 2 * (read & truth[15]).sum() / (read.sum() + truth[15].sum())
    assert overlap > (0.95 if scale[0] < 2 else 0.9)
    review.score_existing(2)
    middle = review.table.get((ids["one"], 2, 15, ""))
    assert middle.dice == pytest.approx(overlap, abs=1e-6)

    plane = review.reader.plane(2, 15)
    assert review.segment_box(ids["one"], plane, inner_box(plane)).ok
    row = review.table.get((ids["one"], 2, 15, ""))
    assert not row.stale, "scored as stored"
    after = segment_voxels(review.store, ids["one"], shape, fine)
    depth = (np.arange(shape[0]) * scale[2] + 0.05) - 15
    mine = np.abs(depth) <= max(1.0, scale[2]) / 2 + 1e-6
    np.testing.assert_array_equal(after[~mine], held[~mine]), "other layers of its own voxels are untouched"
    assert mine.any()
    assert after[mine].any()


def test_a_cropped_seg_nrrd_with_several_layers_is_scored_and_edited(app, tmp_path):
    import slicer

    truth = ball((30, 40, 50))
    inner = truth.copy()
    inner[:, :20] = False
    volume = add_volume(app, phantom(truth))
    segmentation, _ = add_segmentation(app, volume, {"whole": truth, "part": inner})  # overlap: two layers
    storage = slicer.vtkMRMLSegmentationStorageNode()
    storage.SetCropToMinimumExtent(True)
    app.scene.AddNode(storage)
    path = tmp_path / "two layers.seg.nrrd"
    storage.SetFileName(str(path))
    assert storage.WriteData(segmentation)
    app.scene.RemoveNode(segmentation)

    loaded = app.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "loaded")
    reader = slicer.vtkMRMLSegmentationStorageNode()
    app.scene.AddNode(reader)
    reader.SetFileName(str(path))
    assert reader.ReadData(loaded)
    loaded.CreateDefaultDisplayNodes()
    assert loaded.GetSegmentation().GetNumberOfLayers() == 2
    review = open_review(volume, loaded, make_pipeline()).review
    ids = {review.store.name(s): s for s in review.store.ids()}
    review.score_existing(2)
    assert {r.dice for r in review.table.records(ids["whole"])} == {1.0}
    assert max(r.dice for r in review.table.records(ids["part"])) < 0.8
    edge = review.reader.plane(2, 0)  # outside the cropped extent
    everything = np.ones(edge.shape, bool)
    assert review.store.write(ids["part"], edge, everything, volume)
    np.testing.assert_array_equal(review.store.mask(ids["part"], edge), everything)
    expected = inner.copy()
    expected[0] = True
    np.testing.assert_array_equal(segment_voxels(review.store, ids["part"], truth.shape, np.eye(4)), expected)
    np.testing.assert_array_equal(segment_voxels(review.store, ids["whole"], truth.shape, np.eye(4)), truth)


def test_both_nodes_under_one_parent_transform(app, volume, truth):
    segmentation, _ids = add_segmentation(app, volume, {"a": np.roll(truth, 3, axis=1)})
    above = np.eye(4)
    above[:3, :3] = rotation(5, 6, 7)
    transform = add_transform(app, above)
    for node in (volume, segmentation):
        node.SetAndObserveTransformNodeID(transform.GetID())
    review = open_review(volume, segmentation, make_pipeline()).review
    for row in [r for k in (2,) if review.score_existing(k).ok for r in review.table.records()]:
        a, b = np.roll(truth, 3, axis=1)[row.index], truth[row.index]
        assert row.dice == pytest.approx(2 * (a & b).sum() / (a.sum() + b.sum()), abs=0.05)


def test_thousands_of_labels_in_one_layer_are_written_with_their_own_value(app):
    """Label values beyond 255: the labelmap has to become wider, not wrap round."""
    shape = (3, 8, 9)
    volume = add_volume(app, np.zeros(shape, np.int16))
    review = open_review(volume).review
    first, second = review.store.add("first"), review.store.add("second")
    review.segmentation.GetSegmentation().GetSegment(second).SetLabelValue(300)
    plane = review.reader.plane(2, 1)
    left = np.zeros(plane.shape, bool)
    left[:, :4] = True
    review.store.write(first, plane, left, volume)
    review.store.write(second, plane, ~left, volume)
    np.testing.assert_array_equal(review.store.mask(first, plane), left)
    np.testing.assert_array_equal(review.store.mask(second, plane), ~left)


def test_a_time_series_is_refused(app):
    volume = add_volume(app, np.zeros((3, 8, 9, 7), np.int16))
    with pytest.raises(GeometryError, match="7 values per voxel: a time series"):
        open_review(volume)


def test_a_non_linear_parent_transform_is_refused_on_either_node(app, volume, truth):
    segmentation, _ids = add_segmentation(app, volume, {"a": truth})
    review = open_review(volume, segmentation, make_pipeline()).review
    review.score_existing(2)
    rows = repr(review.table.records())
    warp = add_transform(app)
    volume.SetAndObserveTransformNodeID(warp.GetID())
    with pytest.raises(GeometryError, match="non-linear transform 'warp'; harden it"):
        review.score_existing(2)
    with pytest.raises(GeometryError, match="non-linear transform"):
        open_review(volume, segmentation)
    volume.SetAndObserveTransformNodeID(None)
    segmentation.SetAndObserveTransformNodeID(warp.GetID())
    with pytest.raises(GeometryError, match="segmentation' is under the non-linear"):
        review.score_existing(2)
    assert repr(review.table.records()) == rows, "nothing is lost"


def test_a_volume_without_voxels_is_refused(app):
    volume = app.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
    with pytest.raises(ImageError, match="'empty' has no voxels"):
        VolumeReader(volume)


def test_a_segmentation_made_of_surfaces_is_refused_until_it_is_converted(app, volume, truth):
    segmentation, ids = add_segmentation(app, volume, {"a": truth})
    segmentation.CreateClosedSurfaceRepresentation()
    segmentation.SetSourceRepresentationToClosedSurface()
    segmentation.GetSegmentation().RemoveRepresentation("Binary labelmap")
    review = open_review(volume, segmentation, make_pipeline()).review
    with pytest.raises(GeometryError, match="is a surface; convert"):
        review.score_existing(2)
    plane = review.reader.plane(2, 20)
    with pytest.raises(GeometryError, match="is a surface; convert"):
        review.store.write(ids["a"], plane, np.ones(plane.shape, bool), volume)


def test_a_segment_that_does_not_exist_is_refused(review):
    with pytest.raises(ImageError, match="no segment 'ghost' any more"):
        review.store.mask("ghost", review.reader.plane(2, 0))


def test_the_display_window_never_changes_the_input(app, volume):
    reader = VolumeReader(volume)
    before = reader.snapshot().slice_input(reader.plane(2, 20)).model_image()
    volume.GetDisplayNode().AutoWindowLevelOff()
    volume.GetDisplayNode().SetWindowLevel(3, 1)
    after = VolumeReader(volume).snapshot().slice_input(reader.plane(2, 20)).model_image()
    np.testing.assert_array_equal(before, after)


def test_the_intensity_preset_is_chosen_by_name_and_recorded(app, volume):
    review = open_review(volume, pipeline=make_pipeline(), preset="fixed:0,500").review
    segment = review.store.add("a")
    plane = review.reader.plane(2, 20)
    review.segment_box(segment, plane, inner_box(plane))
    assert review.table.records()[0].window == "fixed [0, 500]"
    with pytest.raises(ImageError, match="Unknown intensity preset"):
        open_review(volume, preset="guess")


@pytest.mark.parametrize("kind", [">u2", ">i4", ">f4", "?"])
def test_a_volume_in_another_byte_order_has_its_voxels(app, kind):
    array = (np.arange(24).reshape(2, 3, 4) % (2 if kind == "?" else 24)).astype(kind)
    node = node_of(app.scene, Volume(array))
    assert np.array_equal(vtk_to_numpy(node.GetImageData().GetPointData().GetScalars()), array.ravel())
