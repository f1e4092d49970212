"""A review continues tomorrow: everything survives .mrb save and load, also with the overlay on."""

import numpy as np
import pytest

from doubles import make_pipeline
from evanyseg.errors import EvanySegError
from evanyseg.prompts import BoxPrompt
from EvanySegSlicerLib.scene.headless.boot import boot
from EvanySegSlicerLib.scene.nodes.session_node import Session, SessionNode
from EvanySegSlicerLib.scene.overlay.code_volume import DERIVED
from EvanySegSlicerLib.scene.overlay.displaced import Displaced
from EvanySegSlicerLib.scene.review.open_review import open_review
from scene.headless import add_segmentation, add_volume, inner_box


def reopened(app, tmp_path, name="review.mrb"):
    """Save the scene, load it in a fresh one, open the review there: (new app, OpenReview)."""
    path = tmp_path / name
    app.save_mrb(path)
    other = boot(tmp_path / "other cache")
    other.load_mrb(path)
    node = SessionNode.of_scene(other.scene).node
    volume, segmentation = node.GetNodeReference("volume"), node.GetNodeReference("segmentation")
    return other, open_review(volume, segmentation, make_pipeline())


def test_rows_masks_decisions_history_and_session_survive(app, opened, review, liver, tmp_path):
    plane, key = review.reader.plane(2, 20), (liver, 2, 20, "")
    review.segment_box(liver, plane, inner_box(plane))
    first = review.table.get(key)
    review.propagate(liver, plane)
    review.segment_box(liver, plane, BoxPrompt(20, 15, 40, 35))
    review.decisions.flag(key)
    review.decisions.comment(key, "ä, ö; \"quoted\", 50 % = a 'b'")
    review.decisions.accept((liver, 2, 21, ""))
    session = opened.session.read()
    session.order, session.min_area_mm2, session.queue_segment, session.queue_index = "dice", 12.5, liver, 20
    opened.session.write(session)
    rows = review.table.records()
    masks = {k: review.store.mask(liver, review.reader.plane(2, k)) for k in range(40)}

    other, again = reopened(app, tmp_path, "tomorrow's review ä.mrb")
    assert repr(again.review.table.records()) == repr(rows)
    for k, mask in masks.items():
        np.testing.assert_array_equal(again.review.store.mask(liver, again.review.reader.plane(2, k)), mask)
    assert again.review.refresh() == [], "nothing is stale after loading"
    read = again.session.read()
    assert (read.order, read.min_area_mm2, read.queue_segment, read.queue_index) == ("dice", 12.5, liver, 20)
    # the history came along: the earlier mask gets its score back without inference
    again.review.store.write(liver, again.review.reader.plane(2, 20), masks[21] * 0 == 1)
    again.review.refresh()
    scored = again.review.pipeline.estimator.scored
    truth_box = first.box_prompt
    mask = again.review.jobs.box(liver, again.review.reader.plane(2, 20), truth_box).run().outcomes[0].write
    scored = again.review.pipeline.estimator.scored
    again.review.store.write(liver, again.review.reader.plane(2, 20), mask, again.review.volume)
    again.review.refresh()
    assert again.review.table.get(key).dice == first.dice
    assert again.review.pipeline.estimator.scored == scored
    # and work goes on
    assert again.review.segment_box(liver, again.review.reader.plane(1, 25), BoxPrompt(1, 1, 50, 39)).ok
    other.close()


def test_the_overlay_is_not_saved_and_what_it_displaced_comes_back_after_loading(app, volume, truth, tmp_path):
    segmentation, _ = add_segmentation(app, volume, {"a": truth})
    fused = add_volume(app, np.zeros((3, 4, 5), np.int16), name="fused")
    view = app.slice_logics["Red"].GetSliceCompositeNode()
    view.SetForegroundVolumeID(fused.GetID())
    view.SetForegroundOpacity(0.6)
    opened = open_review(volume, segmentation, make_pipeline())
    opened.review.score_existing(2)
    opened.overlay.show()
    codes = opened.overlay.codes.copy()
    other, again = reopened(app, tmp_path)
    assert opened.overlay.shown, "saving does not take the overlay away"
    derived = [n for n in range(other.scene.GetNumberOfNodes()) if other.scene.GetNthNode(n).GetAttribute(DERIVED)]
    assert derived == []
    assert not again.review.segmentation.GetDisplayNode().GetVisibility2DFill(), "saved while the overlay was on"
    again.overlay.show()
    np.testing.assert_array_equal(again.overlay.codes, codes)
    again.overlay.remove()
    assert again.review.segmentation.GetDisplayNode().GetVisibility2DFill()
    red = other.slice_logics["Red"].GetSliceCompositeNode()
    back = other.scene.GetNodeByID(red.GetForegroundVolumeID())
    assert back is not None
    assert back.GetName() == "fused"
    assert red.GetForegroundOpacity() == pytest.approx(0.6)
    other.close()


def test_an_overlay_that_nobody_shows_again_can_still_be_removed_after_loading(app, volume, truth, tmp_path):
    segmentation, _ = add_segmentation(app, volume, {"a": truth})
    opened = open_review(volume, segmentation, make_pipeline())
    opened.overlay.show()
    other, again = reopened(app, tmp_path)
    again.overlay.remove()
    assert again.review.segmentation.GetDisplayNode().GetVisibility2DFill()
    assert other.slice_logics["Red"].GetSliceCompositeNode().GetForegroundVolumeID() is None
    other.close()


def test_save_load_save_load_is_stable(app, review, liver, tmp_path):
    plane = review.reader.plane(2, 20)
    review.segment_box(liver, plane, inner_box(plane))
    rows = repr(review.table.records())
    second, _ = reopened(app, tmp_path)
    third, again = reopened(second, tmp_path, "second.mrb")
    assert repr(again.review.table.records()) == rows
    assert third.scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 3, "scores, their history, their masks"
    second.close()
    third.close()


def test_a_scene_that_cannot_be_written_loses_nothing(app, review, liver, tmp_path):
    plane = review.reader.plane(2, 20)
    review.segment_box(liver, plane, inner_box(plane))
    path = tmp_path / "kept.mrb"
    app.save_mrb(path)
    before = path.read_bytes()
    with pytest.raises(EvanySegError, match="could not be written"):
        app.save_mrb(tmp_path / "no such folder" / "a.mrb")
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix == ".mrb") == ["kept.mrb"]
    assert len(review.table) == 1


def test_a_full_disk_is_reported_and_the_old_file_stays(app, review, liver, tmp_path, monkeypatch):
    path = tmp_path / "kept.mrb"
    app.save_mrb(path)
    before = path.read_bytes()

    class FullDisk:
        """The scene, on a disk on which nothing fits."""

        def __getattr__(self, name):
            return getattr(scene, name)

        def WriteToMRB(self, name, thumbnail):
            with open(name, "wb") as file:
                file.write(b"half")
            return False

    scene, app.scene = app.scene, FullDisk()
    try:
        with pytest.raises(EvanySegError, match="is the disk full"):
            app.save_mrb(path)
    finally:
        app.scene = scene
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".saving")] == []


def test_a_file_that_is_no_scene_is_refused(app, tmp_path):
    with pytest.raises(EvanySegError, match="no scene file"):
        app.load_mrb(tmp_path / "missing.mrb")
    broken = tmp_path / "broken.mrb"
    broken.write_bytes(b"not a zip file")
    with pytest.raises(EvanySegError, match="could not be read"):
        app.load_mrb(broken)


def test_the_session_is_one_node_that_forgives_nonsense(app):
    first = SessionNode.of_scene(app.scene)
    assert SessionNode.of_scene(app.scene).node is first.node
    assert first.read() == Session()
    first.set("good", 0.8)
    first.set("check", "0.95")  # above good: both fall back
    first.set("continuous", True)
    first.set("queue_index", "seven")
    first.node.SetParameter("displaced", "{not json")
    read = first.read()
    assert (read.good, read.check, read.continuous, read.queue_index) == (0.9, 0.7, True, -1)
    assert Displaced.of_text(read.displaced) == Displaced(), "nothing to put back"
    read.check = 0.5
    first.write(read)
    assert first.read().check == 0.5


def test_a_scene_of_an_earlier_version_keeps_its_intensity_preset(app):
    node = SessionNode.of_scene(app.scene)
    node.node.SetParameter("recipe", "ct-soft")  # the parameter's name until version 0.1
    assert node.read().preset == "ct-soft"
    node.set("preset", "")
    assert node.read().preset == ""


def test_a_table_edited_by_hand_or_by_an_older_version_is_read(review, liver):
    import vtk

    from EvanySegSlicerLib.scene.table.score_table import ScoreTable

    plane, key = review.reader.plane(2, 20), (liver, 2, 20, "")
    review.segment_box(liver, plane, inner_box(plane))
    node = review.table.node
    table = node.GetTable()
    table.RemoveColumnByName("hd95_mm")
    text = vtk.vtkStringArray()  # a number column that came back as text
    text.SetName("dice")
    text.InsertNextValue("0.25")
    table.RemoveColumnByName("dice")
    table.AddColumn(text)
    table.GetColumnByName("comment").SetValue(0, "typed in the Tables module")
    table.Modified()
    row = review.table.get(key)
    assert (row.dice, row.comment) == (0.25, "typed in the Tables module")
    assert np.isnan(row.hd95_mm)
    assert ScoreTable.of_node(node).get(key).dice == 0.25


@pytest.mark.parametrize("count", [1, 2])
def test_an_edit_of_a_segmentation_that_was_loaded_is_told_to_who_watches(app, volume, truth, tmp_path, count):
    """A segmentation of one segment was edited without a word after it had been read."""
    masks = {"Liver": truth, "Lung": ~truth}
    segmentation, _ = add_segmentation(app, volume, dict(list(masks.items())[:count]))
    open_review(volume, segmentation, make_pipeline())
    app.save_mrb(tmp_path / "s.mrb")
    app.load_mrb(tmp_path / "s.mrb")
    node = app.scene.GetFirstNodeByClass("vtkMRMLSegmentationNode")
    review = open_review(app.scene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode"), node, make_pipeline()).review
    told = []
    node.GetSegmentation().AddObserver(node.GetSegmentation().SourceRepresentationModified, lambda *_: told.append(1))
    plane = review.reader.plane(2, 20)
    review.store.write(review.store.ids()[0], plane, np.zeros(plane.shape, bool))
    assert told
