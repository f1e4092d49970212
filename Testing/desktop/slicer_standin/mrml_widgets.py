"""The qMRML widgets the module uses, over the real scene."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets

from .node_combo import qMRMLNodeComboBox


class qMRMLWidget(QtWidgets.QWidget):
    """A widget that hands its scene on to its children (the .ui file connects the signal to their slots)."""

    mrmlSceneChanged = QtCore.Signal("PyObject")

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._scene = None
        self.isEntered = False

    def setMRMLScene(self, scene) -> None:
        self._scene = scene
        for child in self.findChildren(QtWidgets.QWidget):
            if isinstance(child, qMRMLNodeComboBox):
                child.setMRMLScene(scene)
        self.mrmlSceneChanged.emit(scene)

    def mrmlScene(self):
        return self._scene


class _Named(QtWidgets.QWidget):
    """Named by Slicer's own connectors, never made by this module."""


WIDGETS = {cls.__name__: cls for cls in (qMRMLWidget, qMRMLNodeComboBox)} | {
    name: type(name, (_Named,), {"MinimumValue": 1, "MaximumValue": 2, "Precision": 4})
    for name in ("qMRMLSliderWidget", "qMRMLSpinBox", "qMRMLRangeWidget", "qMRMLCheckableNodeComboBox")
}
