"""The qMRML widgets the module uses, over the real scene."""

from __future__ import annotations

import shiboken6
from PySide6 import QtCore, QtWidgets


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


class qMRMLNodeComboBox(QtWidgets.QComboBox):
    """Lists the scene's nodes of some classes; None and 'create new' as options."""

    currentNodeChanged = QtCore.Signal("PyObject")
    nodeAddedByUser = QtCore.Signal("PyObject")

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._scene = None
        self._tags: list[int] = []
        self._types: list[str] = []
        self._ids: list[str | None] = []
        self._none = self._add = self._rename = self._remove = self._children = False
        self._hidden: list[str] = []
        self._base_name = ""
        self._filling = False
        self.currentIndexChanged.connect(self._on_index)

    def _flag(name):
        def write(self, value):
            setattr(self, name, value)
            self._refill()

        return QtCore.Property(bool, lambda self: getattr(self, name), write)

    noneEnabled, addEnabled, renameEnabled, removeEnabled = (
        _flag("_none"),
        _flag("_add"),
        _flag("_rename"),
        _flag("_remove"),
    )
    showChildNodeTypes = _flag("_children")
    selectNodeUponCreation = QtCore.Property(bool, lambda self: True, lambda self, value: None)

    def _get_types(self):
        return self._types

    def _set_types(self, types) -> None:
        self._types = list(types)
        self._refill()

    def _get_hidden(self):
        return self._hidden

    def _set_hidden(self, types) -> None:
        self._hidden = list(types)
        self._refill()

    hideChildNodeTypes = QtCore.Property("QStringList", _get_hidden, _set_hidden)
    nodeTypes = QtCore.Property("QStringList", _get_types, _set_types)

    def _get_base(self):
        return self._base_name

    def _set_base(self, name) -> None:
        self._base_name = name

    baseName = QtCore.Property(str, _get_base, _set_base)

    def setMRMLScene(self, scene) -> None:
        if self._scene is not None:
            for tag in self._tags:
                self._scene.RemoveObserver(tag)
        self._scene, self._tags = scene, []
        if scene is not None:
            self._tags = [
                scene.AddObserver(event, self._on_scene)
                for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndCloseEvent, scene.EndImportEvent)
            ]
        self._refill()

    def _on_scene(self, caller, event) -> None:
        if shiboken6.isValid(self):  # C++ widgets stop observing when they are destroyed
            self._refill()

    def _nodes(self):
        found, seen = [], set()
        for name in self._types if self._scene is not None else ():
            collection = self._scene.GetNodesByClass(name)
            collection.UnRegister(None)
            for index in range(collection.GetNumberOfItems()):
                node = collection.GetItemAsObject(index)
                fits = node.GetClassName() == name or (self._children and node.GetClassName() not in self._hidden)
                if fits and node.GetID() not in seen and not node.GetHideFromEditors():
                    seen.add(node.GetID())
                    found.append(node)
        return found

    def _refill(self) -> None:
        before = self.currentNodeID()
        self._filling = True
        self.clear()
        self._ids = []
        nodes = self._nodes()
        if self._none or not nodes:
            self.addItem("None" if self._none else "Select a node")
            self._ids.append(None)
        for node in nodes:
            self.addItem(node.GetName() or "")
            self._ids.append(node.GetID())
        if self._add:
            self.addItem("Create new...")
            self._ids.append("+")
        # As the real widget does: without 'None' the first node is taken as soon as there is one
        self.setCurrentIndex(self._ids.index(before) if before in self._ids else 0)
        self._filling = False
        if self.currentNodeID() != before:
            self.currentNodeChanged.emit(self.currentNode())

    def _on_index(self, index: int) -> None:
        if self._filling or not 0 <= index < len(self._ids):
            return
        if self._ids[index] == "+":
            self.addNode()
            return
        self.currentNodeChanged.emit(self.currentNode())

    def currentNodeID(self) -> str | None:
        index = QtWidgets.QComboBox.property(self, "currentIndex")
        return self._ids[index] if 0 <= index < len(self._ids) and self._ids[index] != "+" else None

    def currentNode(self):
        node_id = self.currentNodeID()
        return self._scene.GetNodeByID(node_id) if self._scene is not None and node_id else None

    def setCurrentNode(self, node) -> None:
        self.setCurrentNodeID(node.GetID() if node is not None else None)

    def setCurrentNodeID(self, node_id) -> None:
        if node_id in self._ids:
            self.setCurrentIndex(self._ids.index(node_id))
        elif node_id is None:
            self.setCurrentIndex(-1)

    def addNode(self, class_name: str | None = None):
        node = self._scene.AddNewNodeByClass(
            class_name or self._types[0], self._scene.GenerateUniqueName(self._base_name or "Node")
        )
        self._refill()
        self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node


class _Named(QtWidgets.QWidget):
    """Named by Slicer's own connectors, never made by this module."""


WIDGETS = {cls.__name__: cls for cls in (qMRMLWidget, qMRMLNodeComboBox)} | {
    name: type(name, (_Named,), {"MinimumValue": 1, "MaximumValue": 2, "Precision": 4})
    for name in ("qMRMLSliderWidget", "qMRMLSpinBox", "qMRMLRangeWidget", "qMRMLCheckableNodeComboBox")
}
