"""The Segment Editor effect, loaded as Slicer does, used with the mouse, with the editor's masking and undo."""

from __future__ import annotations

import sys

import pytest
import slicer
from PySide6 import QtCore

from desktop import module, phantoms
from desktop.user import User

NAME = "EvanySeg box"


class Editor:
    """The Segment Editor with the effect active on one segment."""

    def __init__(self, host, hands, models=None) -> None:
        self.user = User(host, hands, models)
        host.leave_module()
        self.host, self.hands = host, hands
        scene = host.scene
        self.widget = slicer.qMRMLSegmentEditorWidget()
        node = scene.AddNode(slicer.vtkMRMLSegmentEditorNode())
        self.segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Edited")
        self.segmentation.CreateDefaultDisplayNodes()
        self.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(self.user.volume)
        self.segment_id = self.segmentation.GetSegmentation().AddEmptySegment("", "Liver")
        self.widget.setMRMLSegmentEditorNode(node)
        self.widget.setSegmentationNode(self.segmentation)
        self.widget.setSourceVolumeNode(self.user.volume)
        self.widget.setCurrentSegmentID(self.segment_id)
        self.widget.setMaximumNumberOfUndoStates(10)
        self.node = node
        self.widget.show()

    @property
    def effect(self):
        return self.widget.effectByName(NAME)

    @property
    def delegate(self):
        return self.effect.self().delegate

    @property
    def said(self) -> str:
        return self.delegate._result.text

    def draw(self, half=26.0, view="Red", center=(0.0, 0.0)) -> None:
        self.hands.drag(self.host.view(view), *self.user.corners(view, half, center))
        self.user.wait("the mask")

    def mask(self, segment_id=None):
        from EvanySegSlicerLib.scene.nodes.segment_store import SegmentStore
        from EvanySegSlicerLib.scene.nodes.volume_reader import VolumeReader

        return SegmentStore(self.segmentation).mask(
            segment_id or self.segment_id, VolumeReader(self.user.volume).plane(2, 6)
        )


@pytest.fixture
def editor(host, hands):
    one = Editor(host, hands)
    one.widget.setActiveEffectByName(NAME)
    yield one
    one.widget.shut()
    one.widget.close()


def test_the_effect_is_registered_once_slicer_has_started(host):
    module.load(host)
    effects = slicer.qSlicerSegmentEditorEffectFactory.instance().registeredEffects()
    assert [effect.name for effect in effects] == [NAME]
    assert sys.modules["SegmentEditorEvanySegLib"].SegmentEditorEffect.__module__ == "SegmentEditorEvanySegLib"
    assert not effects[0].icon().isNull()
    assert "box" in effects[0].helpText()
    clone = effects[0].clone()
    assert clone is not effects[0]
    assert clone.name == NAME


def test_loading_the_effect_imports_no_network(host):
    before = set(sys.modules)
    module.load(host)
    new = {name.split(".")[0] for name in set(sys.modules) - before}
    assert not new & {"torch", "torchvision", "timm", "segment_anything"}


def test_box_to_colored_mask_on_the_selected_segment(editor):
    editor.draw()
    assert 1300 < editor.mask().sum() < 1650
    rows = editor.user.rows
    assert [(row.segment, row.plane, row.band) for row in rows] == [("Liver", "axial", "good")]
    assert "GOOD" in editor.said
    picture = editor.user.picture()
    inside = picture.pixelColor(picture.width() // 2, picture.height() // 2)
    assert inside.blue() > inside.red() + 30, "coloured, though the module is not shown"


def test_another_box_replaces_and_the_editors_undo_brings_mask_and_score_back(editor):
    editor.draw(26)
    first = editor.mask().copy()
    editor.draw(12)
    assert editor.mask().sum() < first.sum()
    editor.widget.undo()
    assert (editor.mask() == first).all()
    editor.hands.wait_until(lambda: editor.user.rows[0].dice > 0.97, what="the score that belongs to the old mask")
    editor.widget.undo()
    assert not editor.mask().any()


def test_editable_intensity_range_is_respected(editor):
    editor.node.SourceVolumeIntensityMaskOn()
    editor.node.SetSourceVolumeIntensityMaskRange(405, 3000)
    editor.draw()
    mask = editor.mask()
    array = slicer.util.arrayFromVolume(editor.user.volume)[6]
    assert 100 < mask.sum() < 1200
    assert editor.user.review is not None
    stored = slicer.util.arrayFromSegmentBinaryLabelmap(editor.segmentation, editor.segment_id, editor.user.volume)[6]
    assert array[stored > 0].min() >= 405


def test_other_segments_are_overwritten_only_as_the_editor_is_set(editor):
    editor.draw(26)
    liver = editor.mask().copy()
    second = editor.segmentation.GetSegmentation().AddEmptySegment("", "Second")
    editor.widget.setCurrentSegmentID(second)
    editor.node.SetOverwriteMode(slicer.vtkMRMLSegmentEditorNode.OverwriteNone)
    editor.draw(20)
    assert (editor.mask() == liver).all()
    assert editor.mask(second).any()


def test_escape_and_leaving_leave_no_actor_and_no_observer(editor):
    view = editor.host.view("Red")
    props = view.renderWindow().GetRenderers().GetItemAsObject(0).GetViewProps()
    before = props.GetNumberOfItems()
    editor.hands.drag(view, *editor.user.corners("Red", 20), release=False)
    assert props.GetNumberOfItems() == before + 1
    editor.hands.key(view, QtCore.Qt.Key.Key_Escape)
    assert props.GetNumberOfItems() == before
    editor.hands.release(view, editor.user.corners("Red", 20)[1])
    editor.hands.drag(view, *editor.user.corners("Red", 20), release=False)
    editor.widget.setActiveEffect(None)
    assert props.GetNumberOfItems() == before
    assert not editor.mask().any()


def test_no_segment_selected_is_said(editor):
    editor.widget.setCurrentSegmentID("")
    editor.draw()
    assert not editor.mask().any()


def test_the_review_button_opens_the_module(editor):
    editor.draw()
    editor.hands.click(editor.delegate._button)
    assert editor.host.selectedModule == "EvanySegSlicer"
    assert editor.user.ui.countsLabel.text.startswith("0 of 1 reviewed")


def test_a_hidden_segment_is_not_edited(editor):
    editor.segmentation.GetDisplayNode().SetSegmentVisibility(editor.segment_id, False)
    editor.draw()
    assert not editor.mask().any()


@pytest.fixture
def slow_editor(host, hands):
    """The effect at work on 'Liver': the drag is done, the network computes."""
    from desktop.test_many_slices import SlowSegmenter

    slow = SlowSegmenter(blocks=60)
    one = Editor(host, hands, module.double_models(slow))
    one.widget.setActiveEffectByName(NAME)
    hands.drag(host.view("Red"), *one.user.corners("Red", 26))
    hands.wait_until(slow.entered.is_set, what="the network to begin")
    assert not one.mask().any()
    yield one
    one.widget.shut()
    one.widget.close()


def test_the_mask_goes_to_the_segment_it_was_drawn_for_whatever_is_selected_when_it_comes(slow_editor):
    second = slow_editor.segmentation.GetSegmentation().AddEmptySegment("", "Second")
    slow_editor.widget.setCurrentSegmentID(second)
    slow_editor.user.wait("the mask")
    assert 1300 < slow_editor.mask().sum() < 1650
    assert not slow_editor.mask(second).any()
    assert [(row.segment, row.stale) for row in slow_editor.user.rows] == [("Liver", 0)]
    slow_editor.widget.undo()
    assert not slow_editor.mask().any()


def test_another_segmentation_in_the_editor_meanwhile_is_not_written_to_and_that_is_said(slow_editor):
    other = slow_editor.host.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Other")
    other.CreateDefaultDisplayNodes()
    theirs = other.GetSegmentation().AddEmptySegment("", "Theirs")
    slow_editor.widget.setSegmentationNode(other)
    slow_editor.widget.setCurrentSegmentID(theirs)
    slow_editor.user.wait("the mask")
    assert not slow_editor.mask().any()
    assert other.GetSegmentation().GetSegment(theirs).GetRepresentation("Binary labelmap").IsEmpty()
    assert "works on another segmentation now" in slow_editor.said
    assert not slow_editor.user.rows


def test_the_editor_destroyed_while_its_job_runs_cancels_it_and_tells_the_user(slow_editor):
    slow_editor.widget.setActiveEffect(None)
    assert slow_editor.user.panel.controller.busy, "another effect meanwhile does not cost the mask"
    slow_editor.widget.shut()
    slow_editor.user.wait("the job to notice", 5)
    assert not slow_editor.mask().any()
    assert not slow_editor.user.rows
    assert "Segment Editor was closed" in slicer.util.mainWindow().statusBar().currentMessage()
    assert slow_editor.user.status() == "Cancelled; nothing was changed."


def test_another_effect_meanwhile_does_not_cost_the_mask(slow_editor):
    slow_editor.widget.setActiveEffect(None)
    slow_editor.user.wait("the mask")
    assert 1300 < slow_editor.mask().sum() < 1650
    slow_editor.widget.undo()
    assert not slow_editor.mask().any()


def test_the_editors_end_does_not_stop_work_of_the_panel(host, hands):
    from desktop.test_many_slices import SlowSegmenter

    slow = SlowSegmenter(blocks=20)
    editor = Editor(host, hands, module.double_models(slow))
    editor.widget.setActiveEffectByName(NAME)
    editor.draw(20)
    host.selectModule("EvanySegSlicer")
    editor.user.draw(half=26, wait=False)
    editor.widget.shut()
    editor.user.wait("the panel's mask")
    assert editor.mask().sum() > 1300
    editor.widget.close()


def test_an_effect_destroyed_without_a_word_costs_the_mask_but_is_said(slow_editor):
    slow_editor.widget.removeViewObservations()
    slow_editor.widget._active = None
    slow_editor.widget._effects.pop(NAME).destroy()
    slow_editor.user.wait("the mask")
    assert not slow_editor.mask().any()
    assert "Segment Editor was closed" in slow_editor.user.status()


def test_the_panel_gone_before_the_editor(slow_editor):
    slow_editor.host.app.moduleManager().modules.pop("EvanySegSlicer").close()
    slow_editor.widget.shut()
    slow_editor.hands.run_for(0.2)
    assert not slow_editor.mask().any()


def test_closing_the_scene_while_the_effect_works(host, hands):
    from desktop.test_many_slices import SlowSegmenter

    slow = SlowSegmenter(blocks=200)
    editor = Editor(host, hands, module.double_models(slow))
    editor.widget.setActiveEffectByName(NAME)
    hands.drag(host.view("Red"), *editor.user.corners("Red", 26))
    hands.wait_until(slow.entered.is_set, what="the network to begin")
    editor.widget.setActiveEffect(None)
    host.close_scene()
    editor.user.wait("the job to notice", 5)
    phantoms.show(phantoms.add_volume(host.scene, phantoms.ball()))
    editor.widget.shut()
    editor.widget.close()
