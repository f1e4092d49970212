"""The stand-in itself: what it must do for the other tests to mean something."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import vtk

from desktop import phantoms
from desktop.slicer_standin.driver import HELD_EXEC, Driver

MODULE = """
import qt, slicer
from slicer.ScriptedLoadableModule import *
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.util import VTKObservationMixin

@parameterNodeWrapper
class SmallParameterNode:
    volume: slicer.vtkMRMLScalarVolumeNode
    invert: bool = False

class Small(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = "Small"

class SmallWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.calls = []
    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        widget = slicer.util.loadUI(self.resourcePath("UI/Small.ui"))
        self.layout.addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.ui.applyButton.connect("clicked(bool)", self.on_apply)
    def enter(self):
        self.node = SmallParameterNode(ScriptedLoadableModuleLogic.getParameterNode(SmallLogic()))
        self.tag = self.node.connectGui(self.ui)
    def exit(self):
        self.node.disconnectGui(self.tag)
    def on_apply(self, checked=False):
        self.calls.append(self.node.volume)

class SmallLogic(ScriptedLoadableModuleLogic):
    pass
"""
UI = """<ui version="4.0"><class>Small</class><widget class="qMRMLWidget" name="Small"><layout class="QVBoxLayout">
<item><widget class="qMRMLNodeComboBox" name="volumeSelector"><property name="nodeTypes"><stringlist>
<string>vtkMRMLScalarVolumeNode</string></stringlist></property><property name="SlicerParameterName" stdset="0">
<string>volume</string></property></widget></item><item><widget class="QCheckBox" name="invertBox">
<property name="SlicerParameterName" stdset="0"><string>invert</string></property></widget></item>
<item><widget class="QPushButton" name="applyButton"><property name="text"><string>Apply</string></property></widget>
</item></layout></widget><customwidgets><customwidget><class>qMRMLWidget</class><extends>QWidget</extends>
<header>qMRMLWidget.h</header></customwidget><customwidget><class>qMRMLNodeComboBox</class><extends>QWidget</extends>
<header>qMRMLNodeComboBox.h</header></customwidget></customwidgets></ui>"""


@pytest.fixture
def small(host, tmp_path):
    (tmp_path / "Resources" / "UI").mkdir(parents=True)
    (tmp_path / "Small.py").write_text(MODULE)
    (tmp_path / "Resources" / "UI" / "Small.ui").write_text(UI)
    host.load_module(tmp_path / "Small.py")
    return host


def test_a_module_with_a_ui_file_is_entered_and_its_button_clicked(small, hands):
    volume = phantoms.add_volume(small.scene, phantoms.ball())
    widget = small.selectModule("Small").self()
    widget.ui.volumeSelector.setCurrentNode(volume)
    hands.click(widget.ui.applyButton)
    assert [node.GetID() for node in widget.calls] == [volume.GetID()]
    hands.click(widget.ui.invertBox)
    assert widget.node.invert is True
    assert widget.node.parameterNode.GetParameter("invert") == "True"


def test_a_misspelt_signal_is_refused_as_pythonqt_does(small):
    widget = small.selectModule("Small").self()
    with pytest.raises(ValueError, match="no signal"):
        widget.ui.applyButton.connect("clicked(QString)", print)
    with pytest.raises(AttributeError):
        widget.ui.applyButton.texts  # noqa: B018


def test_an_exception_in_a_slot_is_collected(small, hands, slot_errors):
    widget = small.selectModule("Small").self()
    widget.ui.applyButton.connect("clicked(bool)", lambda: 1 / 0)
    hands.click(widget.ui.applyButton)
    assert "ZeroDivisionError" in slot_errors[0]
    slot_errors.clear()


def test_slice_views_show_the_volume_and_hear_the_mouse(host, hands):
    phantoms.show(phantoms.add_volume(host.scene, phantoms.ball()))
    view = host.view("Red")
    picture = view.picture()
    middle = picture.pixelColor(picture.width() // 2, picture.height() // 2).lightness()
    edge = picture.pixelColor(picture.width() // 2, picture.height() * 3 // 16).lightness()
    assert middle > edge + 60, (middle, edge)
    heard = []
    note = lambda caller, name: heard.append((name, caller.GetEventPosition()))
    for event in ("LeftButtonPressEvent", "MouseMoveEvent", "LeftButtonReleaseEvent"):
        # above the MRML style, which keeps some events to itself
        view.interactor().AddObserver(event, note, 1.0)
    hands.drag(view, (100, 50), (140, 90), steps=1)
    height = view.size.height()
    assert heard == [
        ("LeftButtonPressEvent", (100, height - 1 - 50)),
        ("MouseMoveEvent", (140, height - 1 - 90)),
        ("LeftButtonReleaseEvent", (140, height - 1 - 90)),
    ]


def test_wheel_and_layout_follow_slicer(host):
    volume = phantoms.add_volume(host.scene, phantoms.ball())
    phantoms.show(volume)
    names = [
        host.app.layoutManager().sliceWidget(n).mrmlSliceNode().GetOrientation() for n in ("Red", "Green", "Yellow")
    ]
    assert names == ["Axial", "Coronal", "Sagittal"]
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    assert np.sign(matrix.GetElement(0, 0)) == -1


@pytest.mark.skipif(HELD_EXEC is None, reason="the GIL-holding loop needs Linux")
def test_the_held_loop_starves_threads_and_the_free_one_does_not(host):
    counts = {}
    stop = threading.Event()
    tally = [0]

    def spin():
        while not stop.wait(0.0005):
            tally[0] += 1

    thread = threading.Thread(target=spin)
    thread.start()
    for mode in (False, True):
        tally[0] = 0
        Driver(hold_gil=mode).run_for(0.4)
        counts[mode] = tally[0]
    stop.set()
    thread.join()
    assert counts[False] > 3 * max(1, counts[True]), counts
