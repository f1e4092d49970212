"""The quality overlay: right codes, quick updates, and no trace once it is removed."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doubles import make_pipeline
from evanyseg.bands import BAND_COLORS, BandThresholds, QualityBand
from evanyseg.overlay_codes import OUTSIDE, STALE, UNSCORED, band_of_code, color_table, severity
from evanyseg.overlay_codes import ZERO_DICE as SCORED
from evanyseg.results import QualityEstimate
from EvanySegSlicerLib.scene.jobs.result import JobResult
from EvanySegSlicerLib.scene.overlay.bands_segmentation import find_bands, make_bands, remove_bands
from EvanySegSlicerLib.scene.overlay.code_volume import DERIVED
from EvanySegSlicerLib.scene.overlay.error_map import ErrorMapOverlay, error_codes
from EvanySegSlicerLib.scene.review.open_review import open_review
from orientations import rotation
from scene.headless import add_segmentation, add_transform, inner_box


@pytest.fixture
def scored(app, volume, truth):
    """Two overlapping segments, scored along K: 'good' and 'bad' (shifted by 12)."""
    segmentation, ids = add_segmentation(app, volume, {"good": truth, "bad": np.roll(truth, 12, axis=2)})
    opened = open_review(volume, segmentation, make_pipeline())
    opened.review.score_existing(2)
    return opened, ids


def test_codes_are_those_of_the_rows_and_the_worst_wins(scored, truth):
    opened, ids = scored
    opened.overlay.show()
    codes = opened.overlay.codes
    shifted = np.roll(truth, 12, axis=2)
    table = opened.review.table
    for k in range(40):
        good, bad = (table.get((ids[n], 2, k, "")) for n in ("good", "bad"))
        if good is None:
            assert (codes[k] == OUTSIDE).all()
            continue
        expected = np.zeros(truth.shape[1:], np.uint8)
        expected[truth[k]] = SCORED + round(100 * good.dice)
        expected[shifted[k]] = SCORED + round(100 * bad.dice)  # worse: also where they overlap
        np.testing.assert_array_equal(codes[k], expected)


def test_an_update_of_some_slices_equals_a_rebuild(scored, truth):
    opened, ids = scored
    review, overlay = opened.review, opened.overlay
    overlay.show()
    for axis, index in ((2, 20), (2, 21), (1, 25), (0, 33)):
        plane = review.reader.plane(axis, index)
        review.store.write(ids["good"], plane, np.roll(review.store.mask(ids["good"], plane), 2, axis=0))
        review.refresh()
    review.apply(review.jobs.score(1, only=[(ids["good"], 1, 25, ""), (ids["bad"], 1, 26, "")]).run())
    incremental = overlay.codes.copy()
    overlay.rebuild()
    np.testing.assert_array_equal(incremental, overlay.codes)
    assert (incremental == STALE).any()
    assert (incremental == UNSCORED).any(), "painted on slices that no row knows"


def test_slices_without_any_row_are_unscored_and_invisible_segments_do_not_count(app, volume, truth):
    segmentation, ids = add_segmentation(app, volume, {"a": truth, "hidden": np.roll(truth, 12, axis=2)})
    segmentation.GetDisplayNode().SetSegmentVisibility(ids["hidden"], False)
    opened = open_review(volume, segmentation, make_pipeline())
    review = opened.review
    review.apply(review.jobs.score(2, only=[(ids["a"], 2, 20, "")]).run())
    opened.overlay.show()
    codes = opened.overlay.codes
    assert set(np.unique(codes[20])) == {OUTSIDE, SCORED + 100}
    assert set(np.unique(codes[21])) == {OUTSIDE, UNSCORED}
    np.testing.assert_array_equal(codes != OUTSIDE, truth)


def test_a_missing_slice_has_no_color_since_it_has_no_mask(app, volume, truth):
    held = truth.copy()
    held[20] = False
    segmentation, _ = add_segmentation(app, volume, {"a": held})
    opened = open_review(volume, segmentation, make_pipeline())
    opened.review.find_missing(2)
    opened.overlay.show()
    assert (opened.overlay.codes[20] == OUTSIDE).all()


def test_an_oblique_score_colors_the_voxels_of_its_slab(app, opened, review, liver, volume, truth):
    node = app.slice_node("Red")
    app.show(volume)
    tilt = node.GetSliceToRAS()
    for r in range(3):
        for c in range(3):
            tilt.SetElement(r, c, rotation(20, 10, 0)[r, c])
    node.UpdateMatrices()
    bounds = [0.0] * 6
    volume.GetRASBounds(bounds)
    node.JumpSliceByCentering(*[(bounds[n] + bounds[n + 1]) / 2 for n in (0, 2, 4)])
    plane = review.reader.plane_of_view(node)
    opened.overlay.show()
    applied = review.segment_box(liver, plane, inner_box(plane))
    code = SCORED + round(100 * review.table.get(applied.keys[0]).dice)
    found = opened.overlay.codes
    assert set(np.unique(found)) == {OUTSIDE, code}
    from scene.headless import segment_voxels

    held = segment_voxels(review.store, liver, truth.shape, review.reader.snapshot().ijk_to_ras)
    np.testing.assert_array_equal(found == code, held)
    assert held.sum() > 500


def test_showing_and_removing_leaves_views_segments_and_scene_as_they_were(app, scored):
    opened, _ = scored
    from scene.headless import add_volume

    other = add_volume(app, np.zeros((3, 4, 5), np.int16), name="fused")
    view = app.slice_logics["Red"].GetSliceCompositeNode()
    view.SetForegroundVolumeID(other.GetID())
    view.SetForegroundOpacity(0.77)
    display = opened.review.segmentation.GetDisplayNode()
    display.SetVisibility2DOutline(False)
    colors = [opened.review.segmentation.GetSegmentation().GetSegment(s).GetColor() for s in opened.review.store.ids()]
    nodes = app.scene.GetNumberOfNodes()
    opened.overlay.show()
    opened.overlay.show()  # twice is once
    assert view.GetForegroundVolumeID() == opened.overlay.node.GetID()
    assert view.GetForegroundOpacity() == pytest.approx(0.35)
    assert not display.GetVisibility2DFill()
    assert display.GetVisibility2DOutline()
    assert opened.overlay.node.GetAttribute(DERIVED)
    assert not opened.overlay.node.GetSaveWithScene()
    opened.overlay.remove()
    assert view.GetForegroundVolumeID() == other.GetID()
    assert view.GetForegroundOpacity() == pytest.approx(0.77)
    assert app.slice_logics["Green"].GetSliceCompositeNode().GetForegroundVolumeID() is None
    assert display.GetVisibility2DFill()
    assert not display.GetVisibility2DOutline()
    assert app.scene.GetNumberOfNodes() == nodes
    assert colors == [
        opened.review.segmentation.GetSegmentation().GetSegment(s).GetColor() for s in opened.review.store.ids()
    ]
    opened.overlay.remove()  # nothing left to remove: nothing happens


def test_a_foreground_that_the_user_chose_meanwhile_stays(app, scored, volume):
    opened, _ = scored
    opened.overlay.show()
    view = app.slice_logics["Red"].GetSliceCompositeNode()
    view.SetForegroundVolumeID(volume.GetID())
    opened.overlay.remove()
    assert view.GetForegroundVolumeID() == volume.GetID()


def test_the_overlay_survives_its_node_being_deleted_by_the_user(app, scored):
    opened, ids = scored
    opened.overlay.show()
    app.scene.RemoveNode(opened.overlay.node)
    assert not opened.overlay.shown
    opened.overlay.update([(ids["good"], 2, 20, "")])
    opened.overlay.show()
    assert (opened.overlay.codes != OUTSIDE).any()
    app.scene.RemoveNode(opened.review.volume)
    opened.overlay.update([(ids["good"], 2, 20, "")])
    opened.overlay.remove()


def test_the_overlay_follows_the_volumes_transform_and_size(app, scored, volume):
    opened, _ = scored
    opened.overlay.show()
    above = np.eye(4)
    above[:3, 3] = 10, 0, 0
    volume.SetAndObserveTransformNodeID(add_transform(app, above).GetID())
    opened.overlay.rebuild()
    assert opened.overlay.node.GetTransformNodeID() == volume.GetTransformNodeID()


thresholds = st.tuples(st.floats(0.05, 0.9), st.floats(0.01, 0.09)).map(lambda t: BandThresholds(t[0] + t[1], t[0]))


@settings(deadline=None, max_examples=50)
@given(bands=thresholds)
def test_worse_is_always_more_severe_and_every_code_has_its_bands_color(bands):
    table, colors = severity(bands), color_table(bands)
    scored = table[SCORED : SCORED + 101].astype(int)
    assert (np.diff(scored) < 0).all()
    assert table[OUTSIDE] == 0
    assert scored[0] == table.max(), "a Dice of 0 beats everything"
    assert colors[OUTSIDE, 3] == 0
    assert (colors[[UNSCORED, STALE, *range(SCORED, SCORED + 101)], 3] == 1).all()
    for code in range(SCORED, SCORED + 101):
        dice = (code - SCORED) / 100
        if abs(dice - bands.good) > 1e-6 and abs(dice - bands.check) > 1e-6:
            assert tuple(colors[code, :3]) == BAND_COLORS[bands.band(dice)]
    assert len({tuple(c) for c in colors[[UNSCORED, STALE, SCORED, SCORED + 100], :3]}) == 4


def test_the_continuous_table_runs_from_worst_to_good():
    colors = color_table(BandThresholds(), continuous=True)
    assert len({tuple(c) for c in colors[SCORED : SCORED + 101].round(6)}) == 101
    np.testing.assert_allclose(colors[SCORED + 100, :3], BAND_COLORS[QualityBand.GOOD])
    assert colors[SCORED, 1] < 0.2, "a Dice of 0 is the darkest red"


def test_new_thresholds_recolor_rows_and_overlay(scored):
    opened, ids = scored
    opened.overlay.show()
    row = opened.review.table.get((ids["bad"], 2, 20, ""))
    assert row.band == "poor"
    opened.review.table.set_thresholds(BandThresholds(0.6, 0.3))
    opened.overlay.restyle()
    assert opened.review.table.get(row.key).band in ("good", "check")
    code = SCORED + round(100 * row.dice)
    color = [0.0] * 4
    opened.overlay.node.GetDisplayNode().GetColorNode().GetColor(code, color)
    assert tuple(color[:3]) == pytest.approx(BAND_COLORS[BandThresholds(0.6, 0.3).band(row.dice)], abs=0.003)
    assert band_of_code(code, opened.review.thresholds) == opened.review.table.get(row.key).band


def test_bands_become_a_derived_segmentation_for_3d_and_go_again(app, scored, truth):
    opened, _ = scored
    opened.overlay.show()
    before = [app.scene.GetNthNode(n).GetID() for n in range(app.scene.GetNumberOfNodes())]
    node = make_bands(app.scene, opened.review.volume, opened.overlay.codes, opened.review.thresholds)
    assert node.GetAttribute(DERIVED)
    assert not node.GetSaveWithScene()
    segmentation = node.GetSegmentation()
    names = {segmentation.GetNthSegment(n).GetName() for n in range(segmentation.GetNumberOfSegments())}
    assert names == {"good", "poor"}
    assert segmentation.GetSegment("poor").GetColor() == pytest.approx(BAND_COLORS[QualityBand.POOR])
    surface = segmentation.GetSegment("poor").GetRepresentation("Closed surface")
    assert surface.GetNumberOfPoints() > 100
    assert find_bands(app.scene) is node
    again = make_bands(app.scene, opened.review.volume, opened.overlay.codes, opened.review.thresholds, surface=False)
    assert find_bands(app.scene) is again, "made again, not twice"
    assert remove_bands(app.scene)
    assert not remove_bands(app.scene)
    assert [app.scene.GetNthNode(n).GetID() for n in range(app.scene.GetNumberOfNodes())] == before


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 9999))
def test_error_codes_show_the_likelier_error(seed):
    rng = np.random.default_rng(seed)
    wrong, missing = rng.random((2, 9, 11)).astype(np.float32)
    codes = error_codes(QualityEstimate(0.5, 0.4, 0.6, 0.9, "x", false_positive=wrong, false_negative=missing))
    more = missing > wrong
    assert (codes[more & (missing > 0.06)] > 100).all()
    assert (codes[~more & (wrong > 0.06)] <= 100).all()
    share = np.where(codes > 100, codes - 100.0, codes) / 100
    shown = codes > 0
    np.testing.assert_allclose(share[shown], np.maximum(wrong, missing)[shown], atol=0.006)


def test_the_error_map_is_shown_over_the_overlay_and_gives_it_back(app, opened, review, liver):
    plane = review.reader.plane(2, 20)
    result = review.jobs.box(liver, plane, inner_box(plane), maps=True).run()
    review.apply(result)
    opened.overlay.show()
    view = app.slice_logics["Red"].GetSliceCompositeNode()
    errors = ErrorMapOverlay(opened.session)
    assert not errors.show(plane, QualityEstimate.unscored("x")), "no maps, nothing shown"
    assert errors.show(plane, result.outcomes[0].estimate)
    assert view.GetForegroundVolumeID() == errors.node.GetID()
    center = np.array([0.0] * 6)
    errors.node.GetRASBounds(center)
    expected = plane.to_ras(np.array([[0, 0], plane.shape[::-1]]))
    np.testing.assert_allclose(sorted(center[:2]), sorted(expected[:, 0]), atol=1e-6)
    np.testing.assert_allclose(sorted(center[2:4]), sorted(expected[:, 1]), atol=1e-6)
    errors.show(review.reader.plane(1, 20), result.outcomes[0].estimate)
    errors.remove()
    assert view.GetForegroundVolumeID() == opened.overlay.node.GetID()
    assert view.GetForegroundOpacity() == pytest.approx(0.35)
    errors.remove()
    assert not errors.shown


def test_closing_the_scene_with_everything_shown_is_quiet(app, scored):
    opened, ids = scored
    review, plane = opened.review, opened.review.reader.plane(2, 20)
    opened.overlay.show()
    errors = ErrorMapOverlay(opened.session)
    mask = review.store.mask(ids["bad"], plane)
    maps = next(review.pipeline.score([(review.reader.snapshot().slice_input(plane), mask, None)], maps=True))
    assert errors.show(plane, maps)
    app.scene.Clear(0)
    assert not opened.overlay.shown
    assert not errors.shown
    opened.overlay.update([(ids["bad"], 2, 20, "")])
    opened.overlay.rebuild()
    opened.overlay.restyle(True)
    opened.overlay.remove()
    errors.remove()
    assert review.refresh() == []
    assert review.undo() == []
    assert "removed" in review.problem
    assert not review.apply(JobResult(())).ok
