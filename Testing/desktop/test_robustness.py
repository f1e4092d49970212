"""Scene close, node deletion in the middle of a job, reload, re-entry, wrong order: nothing leaks, nothing breaks."""

from __future__ import annotations

import gc
import time
import weakref

import pytest
import slicer

from desktop import module, phantoms
from desktop.test_many_slices import SlowSegmenter
from desktop.user import User


@pytest.fixture
def slow():
    return SlowSegmenter(blocks=30)


@pytest.fixture
def user(host, driver, slow):
    return User(host, driver, module.double_models(slow))


def begin(user, slow):
    """A box drawn, the network at work."""
    user.draw(wait=False)
    user.driver.wait_until(slow.entered.is_set, what="the network to begin")


def test_closing_the_scene_in_the_middle_of_a_job(user, slow):
    begin(user, slow)
    user.host.close_scene()
    user.wait("the job to notice", 5)
    assert user.review is None
    assert not user.ui.drawBoxButton.checked
    slow.blocks = 1
    phantoms.show(phantoms.add_volume(user.host.scene, phantoms.ball()))
    user.host.leave_module()
    user.host.selectModule("EvanySegSlicer")
    user.draw()
    assert len(user.rows) == 1


@pytest.mark.parametrize("what", ["volume", "segmentation", "table"])
def test_deleting_a_node_in_the_middle_of_a_job(user, slow, what):
    begin(user, slow)
    review = user.review
    node = {"volume": review.volume, "segmentation": review.segmentation, "table": review.table.node}[what]
    user.host.scene.RemoveNode(node)
    user.wait("the job", 20)
    assert user.rows == [] or what == "table"
    slow.blocks = 1
    if what == "volume":
        volume = phantoms.add_volume(user.host.scene, phantoms.ball())
        phantoms.show(volume)
        user.ui.volumeSelector.setCurrentNode(volume)
    user.draw()
    assert len(user.rows) == 1, user.status()


def test_removing_the_segment_in_the_middle_of_a_job(user, slow):
    user.click("addSegmentButton")
    segment_id = user.review.store.ids()[0]
    begin(user, slow)
    user.review.segmentation.GetSegmentation().RemoveSegment(segment_id)
    user.wait("the job", 20)
    assert "removed" in user.status()
    assert user.rows == []


def test_leaving_the_module_lets_the_job_finish(user, slow):
    begin(user, slow)
    user.host.leave_module()
    user.wait("the job", 20)
    assert len(user.rows) == 1
    assert not user.panel.segment_tab.tool.on


def test_choosing_another_volume_in_the_middle_of_a_job_drops_the_result(user, slow):
    begin(user, slow)
    other = phantoms.add_volume(user.host.scene, phantoms.ball(seed=1), name="Other")
    user.ui.volumeSelector.setCurrentNode(other)
    user.wait("the job", 20)
    assert "dropped" in user.status()
    assert user.rows == []


def observers(host):
    """How many observers each lasting object has."""
    found = {}
    for name in host.app.layoutManager().sliceViewNames():
        interactor = host.view(name).interactor()
        for event in ("LeftButtonPressEvent", "MouseMoveEvent", "KeyPressEvent"):
            found[name, event] = interactor.HasObserver(event)
    return found


def count_props(host):
    return {
        name: host.view(name).renderWindow().GetRenderers().GetItemAsObject(0).GetViewProps().GetNumberOfItems()
        for name in host.app.layoutManager().sliceViewNames()
    }


def test_leaving_and_coming_back_leaves_nothing_behind(host, hands):
    user = User(host, hands)
    host.leave_module()
    before = count_props(host)
    for _ in range(3):
        host.selectModule("EvanySegSlicer")
        hands.click(user.ui.drawBoxButton)
        host.leave_module()
    assert count_props(host) == before
    assert not user.panel.segment_tab.tool.on
    assert user.panel.shortcuts._made == []


def test_reload_makes_one_working_panel_and_lets_the_old_one_go(host, hands):
    user = User(host, hands)
    user.draw()
    old = weakref.ref(user.panel)
    before = len(user.rows)
    slicer.util.reloadScriptedModule("EvanySegSlicer")
    widget = slicer.modules.EvanySegSlicerWidget
    user.widget = widget
    hands.settle()
    gc.collect()
    assert old() is None or old() is not widget.panel
    assert len(user.rows) == before, "the scene keeps the review"
    widget.panel.models.segmenters = module.double_models().segmenters
    widget.panel.models.estimators = module.double_models().estimators
    user.scroll("Red", 1)
    user.draw()
    assert len(user.rows) == before + 1


def test_everything_can_be_pressed_in_any_order_without_a_volume(host, hands):
    """Wrong order: every button of every tab on an empty scene says something or does nothing; no exception."""
    widget = module.enter(host)
    ui = widget.panel.ui
    for tab in ("segmentTab", "reviewTab", "compareTab", "exploreTab", "settingsTab"):
        ui.tabs.setCurrentWidget(getattr(ui, tab))
        hands.settle()
        for name, child in sorted(vars(ui).items()):
            pressable = type(child).__name__ in ("QPushButton", "QToolButton", "QCheckBox")
            asks = name in ("importWeightsButton", "openWeightsButton", "exportCsvButton", "exportHtmlButton")
            if pressable and not asks and child.isVisible() and child.isEnabled():
                child.click()
                hands.settle()
    hands.wait_until(lambda: not widget.panel.pump.runner.active, what="rest")
    assert not widget.panel.controller.busy


def test_an_oblique_view_gives_a_slab_or_a_sentence(host, hands):
    user = User(host, hands)
    node = host.view("Red").mrmlSliceNode()
    matrix = node.GetSliceToRAS()
    import vtk

    turned = vtk.vtkTransform()
    turned.SetMatrix(matrix)
    turned.RotateX(20)
    matrix.DeepCopy(turned.GetMatrix())
    node.UpdateMatrices()
    user.draw(half=20)
    assert len(user.rows) == 1 or user.status()
    if user.rows:
        assert user.rows[0].plane.startswith("oblique")


def test_a_volume_under_a_nonlinear_transform_is_refused(host, hands):
    user = User(host, hands)
    import vtk

    transform = host.scene.AddNewNodeByClass("vtkMRMLTransformNode", "Warp")
    grid = slicer.vtkOrientedGridTransform()
    field = vtk.vtkImageData()
    field.SetDimensions(4, 4, 4)
    field.AllocateScalars(vtk.VTK_DOUBLE, 3)
    grid.SetDisplacementGridData(field)
    transform.SetAndObserveTransformFromParent(grid)
    user.volume.SetAndObserveTransformNodeID(transform.GetID())
    user.draw()
    assert "non-linear" in user.status()
    assert user.rows == []


def test_an_unexpected_error_in_a_model_reaches_the_status_line(host, hands, caplog):
    class Strange(SlowSegmenter):
        def embed(self, image, should_cancel=lambda: False):
            raise RuntimeError("CUDA is sulking")

    user = User(host, hands, module.double_models(Strange()))
    user.draw()
    assert "CUDA is sulking" in user.status()
    assert not user.panel.controller.busy
    assert "CUDA is sulking" in caplog.text


def test_closing_slicer_in_the_middle_of_a_job_ends_cleanly(slow):
    from desktop.slicer_standin.driver import Driver
    from desktop.slicer_standin.host import Host

    hands = Driver()
    with Host() as host:
        user = User(host, hands, module.double_models(slow))
        begin(user, slow)
        executor = user.panel.pump.threads.for_device("auto")
        thread = executor._thread
    end = time.perf_counter() + 3
    while thread.is_alive() and time.perf_counter() < end:
        time.sleep(0.02)
    assert not thread.is_alive()
