"""What PythonQt refuses, the stand-in refuses the module too; what PythonQt does otherwise, it does as well."""

from __future__ import annotations

import gc
import io
import sys
import weakref
from types import ModuleType

import numpy as np
import pytest
from PySide6 import QtWidgets

from desktop import module
from desktop.slicer_standin import connections, strict
from desktop.user import User


def as_module(code: str, **names):
    """Run lines as if they stood in a module that is held to PythonQt's rules; returns what they assign to `result`."""
    import qt
    import slicer

    strict.CALLERS.add("MadeUp")
    made = ModuleType("MadeUp")
    made.__dict__.update(names, qt=qt, slicer=slicer, np=np)
    exec(code, made.__dict__)
    return made.__dict__.get("result")


REFUSED = {
    "keyword arguments of constructors": "qt.QLabel(text='x')",
    "keyword arguments of methods": "qt.QComboBox().addItem('x', userData=1)",
    "keyword arguments of value classes": "qt.QColor(r=1, g=2, b=3)",
    "new attributes": "label = qt.QLabel(); label.remark = 1",
    "new attributes on timers": "timer = qt.QTimer(); timer.remark = 1",
    "None for a text": "qt.QLabel('x').setText(None)",
    "None for a text in a constructor": "qt.QTableWidgetItem(None)",
    "None among texts": "qt.QComboBox().addItems(['x', np.int64(1)])",
    "numpy integers": "qt.QSpinBox().setValue(np.int64(3))",
    "numpy booleans": "qt.QCheckBox().setChecked(np.bool_(True))",
    "numpy scalars as properties": "box = qt.QSpinBox(); box.value = np.int16(3)",
    "dict views for lists": "qt.QComboBox().addItems({'a': 1}.keys())",
    "generators for lists": "qt.QComboBox().addItems(t for t in 'abc')",
    "maps for lists": "qt.QComboBox().addItems(map(str, [1]))",
    "ranges for lists": "qt.QTableWidget(1, 2).setHorizontalHeaderLabels(range(2))",
    "arrays for lists": "qt.QComboBox().addItems(np.array(['a']))",
    "models that nobody holds": "qt.QTableView().setModel(qt.QStandardItemModel(0, 1))",
    "truth of enums": "bool(qt.Qt.Unchecked)",
    "truth of enums as answers": "box = qt.QCheckBox(); result = 1 if box.checkState() else 0",
    "truth of flags": "bool(qt.Qt.NoItemFlags)",
    "truth of layouts": "widget = qt.QWidget(); layout = qt.QHBoxLayout(widget); bool(layout)",
    "Qt.SHIFT": "qt.Qt.SHIFT",
    "calls of sizeHint": "qt.QLabel('x').sizeHint()",
    "calls of minimumSizeHint": "qt.QLabel('x').minimumSizeHint()",
    "misspelt signals": "qt.QTimer().connect('timeouts()', print)",
    "a node combo's count": "slicer.qMRMLNodeComboBox().count",
    "a node combo's items": "slicer.qMRMLNodeComboBox().itemText(0)",
}


@pytest.mark.parametrize("code", REFUSED.values(), ids=REFUSED)
def test_what_pythonqt_refuses_or_misunderstands_is_refused(host, code):
    with pytest.raises((TypeError, AttributeError, ValueError)):
        as_module(code)


def test_the_same_is_right_elsewhere_and_what_pythonqt_takes_is_taken(host):
    """Not everything is refused: the stand-in's own code, and what works in PythonQt."""
    QtWidgets.QLabel(text="x").setText(None)
    assert as_module("model = qt.QStandardItemModel(0, 1); view = qt.QTableView(); view.setModel(model); result = 1")
    assert as_module("box = qt.QSpinBox(); box.value = 3; box.setValue(int(np.int64(4))); result = box.value") == 4
    assert as_module("box = qt.QDoubleSpinBox(); box.setValue(np.float64(0.5)); result = box.value") == 0.5
    assert as_module("box = qt.QComboBox(); box.addItems(['a', 'b']); box.addItems(('c',)); result = box.count") == 3
    assert as_module("result = qt.QLabel('x').sizeHint.width()") > 0
    assert as_module("label = qt.QLabel('x'); label.text = 'y'; result = label.text") == "y"
    assert as_module("label = qt.QLabel('x'); label.setProperty('mine', 1); label.mine = 2; result = 1")


def test_enums_are_numbers(host):
    assert as_module("result = qt.Qt.Checked == 2 and qt.Qt.Unchecked == 0 and 2 != qt.Qt.Unchecked")
    assert as_module("box = qt.QCheckBox(); box.setChecked(True); result = box.checkState() == 2")
    assert as_module("result = int(qt.QHeaderView.Stretch)") == 1
    assert as_module("result = [0, 1, 2][qt.Qt.Checked]") == 2


def test_lists_come_back_as_tuples(host):
    code = "combo = slicer.qMRMLNodeComboBox(); combo.nodeTypes = ['vtkMRMLModelNode']; result = combo.nodeTypes"
    assert as_module(code) == ("vtkMRMLModelNode",)
    assert isinstance(as_module("result = qt.QWidget().findChildren(qt.QLabel)"), tuple)


def test_destroyed_objects_raise_value_errors(host):
    import shiboken6

    label = QtWidgets.QLabel("x")
    shiboken6.delete(label)
    for code in ("label.text", "label.setText('y')", "label.show()"):
        with pytest.raises(ValueError, match="destroyed QLabel"):
            as_module(code, label=label)
    with pytest.raises(TypeError, match="destroyed"):
        as_module("bool(label)", label=label)


def test_a_connected_method_keeps_its_object_alive_until_it_is_disconnected(host):
    code = """
class Listener:
    def hear(self):
        heard.append(1)
one = Listener()
timer.connect("timeout()", one.hear)
result = one
del one
"""
    import qt

    timer, heard = qt.QTimer(), []
    listener = weakref.ref(as_module(code, timer=timer, heard=heard))
    gc.collect()
    assert listener() is not None
    assert len(connections.left()) == 1
    assert "timeout() -> " in connections.left()[0]
    timer.timeout.emit()
    assert heard == [1]
    as_module("timer.disconnect('timeout()', hear)", timer=timer, hear=listener().hear)
    gc.collect()
    assert listener() is None
    assert connections.left() == []


def test_a_connection_ends_with_its_sender(host):
    import shiboken6

    timer = as_module("class L:\n def hear(self): pass\nresult = qt.QTimer(); result.connect('timeout()', L().hear)")
    assert len(connections.left()) == 1
    shiboken6.delete(timer)
    assert connections.left() == []


def test_nothing_of_the_panel_is_left_when_slicer_has_closed(hands):
    """Every object of the desktop layer is let go of: no connection, observer or timer holds one."""
    from desktop.slicer_standin.host import Host

    with Host() as host:
        user = User(host, hands)
        user.draw()
        user.click("errorMapCheckBox")
        user.wait("the map")
        kept = [weakref.ref(user.panel)] + [weakref.ref(tab) for tab in user.panel.tabs]
        kept += [weakref.ref(user.panel.pump), weakref.ref(user.panel.controller), weakref.ref(user.review)]
        del user
    del host
    gc.collect()
    alive = [one() for one in kept if one() is not None]
    assert not alive, [(type(one).__name__, [type(r) for r in gc.get_referrers(one)]) for one in alive]


def test_a_connection_left_behind_is_noticed(hands):
    from desktop.slicer_standin.host import Host

    host = Host()
    as_module("class L:\n def hear(self): pass\nslicer.app.connect('startupCompleted()', L().hear)")
    with pytest.raises(AssertionError, match=r"still connected .*startupCompleted\(\) -> L.hear"):
        host.close()


class StdOut:
    """sys.stdout of PythonQt: these five names and no more."""

    __slots__ = ("closed", "softspace", "written")

    def __init__(self) -> None:
        self.closed, self.softspace, self.written = False, 0, io.StringIO()

    def write(self, text: str) -> None:
        self.written.write(text)

    def flush(self) -> None:
        """Nothing to do."""

    def isatty(self) -> bool:
        return False


def test_the_module_works_where_stdout_is_pythonqts(host, hands, monkeypatch, tmp_path):
    """Box, points, scores, error map, comparison, report, an error in the log: none needs more of sys.stdout."""
    import logging

    for name in ("stdout", "stderr", "__stdout__", "__stderr__"):
        monkeypatch.setattr(sys, name, StdOut())
    user = User(host, hands)
    user.draw()
    user.click("scoreButton")
    user.wait("scores")
    user.click("errorMapCheckBox")
    user.wait("the map")
    monkeypatch.setattr(QtWidgets.QFileDialog, "getSaveFileName", lambda parent, title, name: str(tmp_path / name))
    user.tab("reviewTab")
    user.click("exportHtmlButton")
    assert (tmp_path / "evanyseg-review.html").exists(), user.status()
    logging.getLogger("evanyseg").error("said")
    print("said as well")
    assert "said as well" in sys.stdout.written.getvalue()


def test_the_built_in_models_load_where_stdout_is_pythonqts(host, hands, monkeypatch):
    from EvanySegSlicerLib.presenters.setup.model_store import ModelStore

    for name in ("stdout", "stderr", "__stdout__", "__stderr__"):
        monkeypatch.setattr(sys, name, StdOut())
    user = User(host, hands, ModelStore.of_engine())
    user.draw()
    assert len(user.rows) == 1, user.status()


def test_node_combos_have_slicers_defaults_and_actions(host):
    import slicer

    combo = slicer.qMRMLNodeComboBox()
    assert (combo.noneEnabled, combo.addEnabled, combo.removeEnabled) == (False, True, True)
    assert (combo.editEnabled, combo.renameEnabled, combo.selectNodeUponCreation) == (False, False, True)
    assert not combo.enabled, "grey until it has a scene"
    combo.nodeTypes = ["vtkMRMLSegmentationNode"]
    combo.setMRMLScene(host.scene)
    assert combo.enabled
    assert combo.menu() == ["Create new Segmentation", "Delete current Segmentation"]
    combo.renameEnabled = True
    assert combo.menu() == [
        "Rename current Segmentation",
        "Create new Segmentation",
        "Create new Segmentation as...",
        "Delete current Segmentation",
    ]
    assert combo.nodeCount() == 0
    told = []
    combo.currentNodeChanged.connect(told.append)
    combo.press("Create new Segmentation")
    assert combo.nodeCount() == 1
    assert told == [combo.currentNode()]
    combo.press("Delete current Segmentation")
    assert combo.nodeCount() == 0
    assert told[-1] is None


def test_the_panels_selectors_offer_no_deletion(host, hands):
    """One click would delete the user's segmentation from the scene."""
    user = User(host, hands, module.double_models())
    for name in ("volumeSelector", "segmentationSelector", "referenceSelector"):
        assert not any(action.startswith("Delete") for action in getattr(user.ui, name).menu()), name
    assert user.ui.referenceSelector.menu() == []
    assert user.ui.volumeSelector.menu() == []
