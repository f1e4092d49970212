"""Segmentations that lie elsewhere, or on a grid of their own: told, and beyond a hundredth lost not scored."""

from __future__ import annotations

import numpy as np
import pytest

from doubles import make_pipeline
from evanyseg.geometry.labels import Stamp
from evanyseg.io.interpolated import INTERPOLATED
from evanyseg.results import Caveat
from EvanySegSlicerLib.scene.nodes.doubts import doubts_of, keep_doubts
from EvanySegSlicerLib.scene.nodes.segment_store import oriented_image
from EvanySegSlicerLib.scene.review.open_review import open_review
from orientations import oriented_matrix
from scene.desk import desk  # noqa: F401  (a fixture)
from scene.headless import add_segmentation, add_volume, phantom

MATRIX = oriented_matrix(signs=(-1, -1, 1), spacing=(1.0, 1.2, 2.0))


def given(app, truth, offset=(0, 0, 0), spacing=(1.0, 1.2, 2.0), keep=None):
    """A review of the ball, with the same ball segmented on a volume that lies `offset` mm elsewhere."""
    volume = add_volume(app, phantom(truth), MATRIX, "CT")
    there = oriented_matrix(signs=(-1, -1, 1), spacing=spacing, origin=offset)
    other = add_volume(app, phantom(truth), there, "other")
    segmentation, _ = add_segmentation(app, other, {"Liver": truth if keep is None else truth & keep})
    return open_review(volume, segmentation, make_pipeline()).review


def put(app, review, segment_id, extent, matrix):
    """Add a solid block of voxels to a segment; extent i0, i1, j0, j1, k0, k1 (inclusive) on the grid of `matrix`."""
    shape = tuple(extent[2 * a + 1] - extent[2 * a] + 1 for a in (2, 1, 0))
    block = np.ones(shape, bool)
    label = int(review.segmentation.GetSegmentation().GetSegment(segment_id).GetLabelValue())
    image = oriented_image(Stamp(extent, block, block), block.astype(np.uint8) * label, matrix)
    logic = app.segmentations_logic
    logic.SetBinaryLabelmapToSegment(image, review.segmentation, segment_id, logic.MODE_MERGE_MAX)


def test_a_segmentation_wholly_outside_the_volume_is_said_and_not_ok(app, truth):
    review = given(app, truth, (0, 0, 500))
    for allow in (False, True):
        applied = review.score_existing(2, allow_cropped=allow)
        assert not applied.ok
        assert applied.message == "'Liver' lies wholly outside 'CT' and was not scored; is it another volume's?"
    assert not review.table.records()


def test_a_cropped_mask_is_refused_with_its_share_and_scored_with_a_caveat_when_allowed(app, truth):
    review = given(app, truth, (0, 0, 40))  # 20 slices up
    lost = truth[20:].sum() / truth.sum()
    applied = review.score_existing(2)
    assert not applied.ok
    assert applied.message.startswith(f"{100 * lost:.0f} % of 'Liver' lies outside 'CT'; it was not scored")
    assert not review.table.records()
    applied = review.score_existing(2, allow_cropped=True)
    assert applied.ok
    assert {r.index for r in review.table.records()} == {k + 20 for k in range(20) if truth[k].any()}
    assert all(r.caveat_list == (f"{100 * lost:.0f} % of the mask outside the image",) for r in review.table.records())


def test_one_segment_outside_does_not_keep_the_others_from_being_scored(app, truth):
    review = given(app, truth)
    put(app, review, review.store.add("Stray"), (200, 205, 0, 4, 0, 3), MATRIX)
    applied = review.score_existing(2)
    assert applied.ok
    rows = review.table.records()
    assert {r.segment for r in rows} == {"Liver"}
    assert applied.message.startswith(f"{len(rows)} slices scored. 'Stray' lies wholly outside 'CT'")


def test_a_mask_on_another_grid_of_the_same_place_is_scored_with_a_caveat(app, truth):
    review = given(app, truth, (0.3, 0.4, 0.5))
    applied = review.score_existing(2)
    assert applied.ok, applied.message
    assert all(Caveat.RESAMPLED in r.caveat_list for r in review.table.records())


def test_under_a_hundredth_lost_is_scored_and_its_share_told(app):
    truth = np.ones((40, 50, 60), bool)
    truth[0, 0, :12] = False
    review = given(app, truth)
    put(app, review, review.store.ids()[0], (-3, -1, 0, 49, 20, 20), MATRIX)  # lines of voxels beside the volume
    applied = review.score_existing(2)
    assert applied.ok
    share = 150 / (truth.sum() + 150)
    assert f"{100 * share:.2g} % of the mask outside the image" in review.table.records()[0].caveat_list


def test_nothing_to_score_says_why(app, truth):
    review = given(app, truth)
    segment_id = review.store.ids()[0]
    review.segmentation.GetDisplayNode().SetSegmentVisibility(segment_id, False)
    assert review.score_existing(2).message == "0 slices scored: no segment is visible."
    review.store.segmentation.RemoveSegment(segment_id)
    review.store.add("Empty")
    assert review.score_existing(2).message == "0 slices scored: the segments are empty."


def test_scoring_again_tells_what_is_unchanged(app, truth):
    review = given(app, truth)
    count = len(review.score_existing(2).keys)
    assert review.score_existing(2).message == f"0 slices scored, {count} unchanged."


@pytest.mark.parametrize("missing", [False, True])
def test_the_panel_is_told_of_both_what_was_scored_and_what_was_not(desk, missing):  # noqa: F811
    """Looking for missing slices comes second and must not wipe out what the scoring said."""
    desk.choose()
    desk.draw(index=5)
    review = desk.controller.review
    put(desk.core, review, review.store.add("Stray"), (200, 205, 0, 4, 0, 3), np.eye(4))
    desk.segmenting.score_existing("axial", missing)
    desk.executor.run_all()
    last = desk.view.problems[-1]
    assert "'Stray' lies wholly outside 'Block'" in last
    assert ("may lack a mask" in last) == missing


def test_what_reading_a_file_cost_is_told_with_every_score_and_saved(app, truth, tmp_path):
    review = given(app, truth)
    segment_id = review.store.ids()[0]
    keep_doubts(review.store.segmentation.GetSegment(segment_id), (Caveat.RESAMPLED, "made on another series"))
    review.score_existing(2)
    rows = review.table.records()
    assert rows
    assert all({Caveat.RESAMPLED, "made on another series"} <= set(r.caveat_list) for r in rows)
    review.store.write(review.store.add("drawn"), review.reader.plane(2, 5), truth[5][::-1])
    review.score_existing(2)
    assert not any(Caveat.RESAMPLED in r.caveat_list for r in review.table.records() if r.segment == "drawn")
    app.save_mrb(tmp_path / "s.mrb")
    app.load_mrb(tmp_path / "s.mrb")
    node = app.scene.GetFirstNodeByClass("vtkMRMLSegmentationNode")
    kept = doubts_of(node.GetSegmentation().GetSegment(segment_id))
    assert kept == (Caveat.RESAMPLED, "made on another series")


def test_a_label_map_that_was_resized_with_interpolation_is_scored_with_a_caveat(app, truth):
    """As Slicer loads one: two segments in one labelmap, the first also as a line around the second."""
    volume = add_volume(app, phantom(truth), MATRIX, "CT")
    inner, first = np.zeros_like(truth), np.zeros_like(truth)
    inner[6:9, 10:30, 10:30] = True
    first[6:9, 9:31, 9:31] = True
    first[6:9, 31:37, 14:26] = True
    first &= ~inner
    segmentation, _ = add_segmentation(app, volume, {"First": first, "Second": inner})
    segmentation.GetSegmentation().CollapseBinaryLabelmaps(False)
    review = open_review(volume, segmentation, make_pipeline()).review
    assert review.score_existing(2).ok
    said = {r.segment: r.caveat_list for r in review.table.records()}
    assert INTERPOLATED in said["First"]
    assert INTERPOLATED not in said["Second"]
