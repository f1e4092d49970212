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

    def draw(self, half=26.0, view="Red", centre=(0.0, 0.0)) -> None:
        self.hands.drag(self.host.view(view), *self.user.corners(view, half, centre))
        self.user.wait("the mask")

    def mask(self, segment_id=None):
        from EvanySegSlicerLib.scene.segment_io import SegmentStore
        from EvanySegSlicerLib.scene.slice_io import VolumeReader

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


def test_box_to_coloured_mask_on_the_selected_segment(editor):
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
