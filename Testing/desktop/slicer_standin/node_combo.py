"""qMRMLNodeComboBox: a widget around a combo box (no combo box itself), with Slicer's defaults and menu actions."""

from __future__ import annotations

import shiboken6
from PySide6 import QtCore, QtWidgets

ID, ACTION = QtCore.Qt.ItemDataRole.UserRole, QtCore.Qt.ItemDataRole.UserRole + 1


class qMRMLNodeComboBox(QtWidgets.QWidget):
    """Lists the scene's nodes of some classes; 'None' and the menu's actions as switched on."""

    currentNodeChanged = QtCore.Signal("PyObject")
    currentNodeIDChanged = QtCore.Signal(str)
    nodeActivated = QtCore.Signal("PyObject")
    nodeAddedByUser = QtCore.Signal("PyObject")
    nodeAddedByUserAction = QtCore.Signal("PyObject")
    currentNodeRenamed = QtCore.Signal(str)

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._scene = None
        self._tags: list[int] = []
        self._types: list[str] = []
        self._hidden: list[str] = []
        self._flags = {"noneEnabled": False, "addEnabled": True, "removeEnabled": True, "editEnabled": False}
        self._flags |= {"renameEnabled": False, "showHidden": False, "showChildNodeTypes": True}
        self._flags |= {"selectNodeUponCreation": True}
        self._none_text, self._base_name = "None", ""
        self._last: str | None = None
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._combo = QtWidgets.QComboBox(self)
        layout.addWidget(self._combo)
        policy = QtWidgets.QSizePolicy
        self.setSizePolicy(policy(policy.Policy.Preferred, policy.Policy.Fixed, policy.ControlType.ComboBox))
        self._combo.currentIndexChanged.connect(self._on_index)
        self._combo.activated.connect(self._on_activated)
        self.setEnabled(False)

    # ---- properties -------------------------------------------------------------------------------------------

    def _flag(name):
        def write(self, value) -> None:
            self._flags[name] = bool(value)
            self._refill()

        return QtCore.Property(bool, lambda self: self._flags[name], write)

    noneEnabled, addEnabled, removeEnabled = _flag("noneEnabled"), _flag("addEnabled"), _flag("removeEnabled")
    editEnabled, renameEnabled = _flag("editEnabled"), _flag("renameEnabled")
    showHidden, showChildNodeTypes = _flag("showHidden"), _flag("showChildNodeTypes")
    selectNodeUponCreation = _flag("selectNodeUponCreation")

    def _get_types(self):
        return self._types

    def _set_types(self, types) -> None:
        self._types = [name for name in types if name]
        self._refill()

    def _get_hidden(self):
        return self._hidden

    def _set_hidden(self, types) -> None:
        self._hidden = list(types)
        self._refill()

    def _get_none(self):
        return self._none_text

    def _set_none(self, text) -> None:
        self._none_text = text
        self._refill()

    def _get_base(self):
        return self._base_name

    def _set_base(self, name) -> None:
        self._base_name = name

    def _get_id(self):
        return self._node_id(self._combo.currentIndex) or ""

    def _set_id(self, node_id) -> None:
        self._select(node_id)

    def _get_policy(self):
        return self._combo.sizeAdjustPolicy

    def _set_policy(self, policy) -> None:
        self._combo.setSizeAdjustPolicy(policy)

    sizeAdjustPolicy = QtCore.Property(QtWidgets.QComboBox.SizeAdjustPolicy, _get_policy, _set_policy)
    nodeTypes = QtCore.Property("QStringList", _get_types, _set_types)
    hideChildNodeTypes = QtCore.Property("QStringList", _get_hidden, _set_hidden)
    noneDisplay = QtCore.Property(str, _get_none, _set_none)
    baseName = QtCore.Property(str, _get_base, _set_base)
    currentNodeID = QtCore.Property(str, _get_id, _set_id)

    # ---- what scripts call ------------------------------------------------------------------------------------

    def mrmlScene(self):
        return self._scene

    def setMRMLScene(self, scene) -> None:
        if scene is self._scene:
            return
        if self._scene is not None:
            for tag in self._tags:
                self._scene.RemoveObserver(tag)
        self._scene, self._tags = scene, []
        if scene is not None:
            self._tags = [
                scene.AddObserver(event, self._on_scene)
                for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndCloseEvent, scene.EndImportEvent)
            ]
        self.setEnabled(scene is not None)
        self._refill()

    def nodeCount(self) -> int:
        return len(self._nodes())

    def nodeFromIndex(self, index: int):
        nodes = self._nodes()
        return nodes[index] if 0 <= index < len(nodes) else None

    def currentNode(self):
        node_id = self._node_id(self._combo.currentIndex)
        return self._scene.GetNodeByID(node_id) if self._scene is not None and node_id else None

    def setCurrentNode(self, node) -> None:
        self._select(node.GetID() if node is not None else "")

    def setCurrentNodeID(self, node_id: str) -> None:
        self._select(node_id)

    def setCurrentNodeIndex(self, index: int) -> None:
        self.setCurrentNode(self.nodeFromIndex(index))

    def addNode(self, class_name: str | None = None):
        name = self._scene.GenerateUniqueName(self._base_name or "Node")
        node = self._scene.AddNewNodeByClass(class_name or self._types[0], name)
        self._refill()
        if self.selectNodeUponCreation:
            self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    def removeCurrentNode(self) -> None:
        self._scene.RemoveNode(self.currentNode())

    # ---- what tests do with the mouse -------------------------------------------------------------------------

    def menu(self) -> list[str]:
        """The actions below the nodes, as the user reads them."""
        return [self._combo.itemText(n) for n in range(self._combo.count) if self._combo.itemData(n, ACTION)]

    def press(self, text: str) -> None:
        """Choose an entry of the list by its text: a node, 'None' or an action."""
        index = [self._combo.itemText(n) for n in range(self._combo.count)].index(text)
        self._combo.setCurrentIndex(index)
        self._on_activated(index)

    # ---- the list ---------------------------------------------------------------------------------------------

    def _node_id(self, index: int) -> str:
        return (self._combo.itemData(index, ID) or "") if index >= 0 else ""

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
                kind = node.GetClassName()
                fits = kind == name or (self.showChildNodeTypes and kind not in self._hidden)
                shown = self.showHidden or not node.GetHideFromEditors()
                if fits and shown and node.GetID() not in seen:
                    seen.add(node.GetID())
                    found.append(node)
        return found

    def _label(self, class_name: str) -> str:
        label = self._scene.GetTypeDisplayNameByClassName(class_name) if self._scene is not None else ""
        return label or "node"

    def _actions(self) -> list[tuple[str, str]]:
        """(text, what it does) in Slicer's order."""
        if self._scene is None:
            return []
        label = self._label(self._types[0]) if len(self._types) == 1 else "node"
        found = [("Rename current", "RENAME")] * self.renameEnabled + [("Edit current", "EDIT")] * self.editEnabled
        texts = [(f"{text} {label}", what) for text, what in found]
        for name in self._types if self.addEnabled else ():
            texts.append((f"Create new {self._label(name)}", f"CREATE/{name}"))
            texts += [(f"Create new {self._label(name)} as...", f"CREATE_AS/{name}")] * self.renameEnabled
        return texts + [(f"Delete current {label}", "DELETE")] * self.removeEnabled

    def _refill(self) -> None:
        combo, before = self._combo, self._last
        combo.blockSignals(True)
        combo.clear()
        combo.setPlaceholderText(f"Select a {self._label(self._types[0]) if self._types else 'node'}")
        if self.noneEnabled:
            combo.addItem(self._none_text)
        for node in self._nodes():
            combo.addItem(node.GetName() or "")
            combo.setItemData(combo.count - 1, node.GetID(), ID)
        actions = self._actions()
        if actions:
            combo.insertSeparator(combo.count)
        for text, what in actions:
            combo.addItem(text)
            combo.setItemData(combo.count - 1, what, ACTION)
        # without 'None' the first node is taken as soon as there is one
        index = combo.findData(before, ID) if before else -1
        combo.setCurrentIndex(index if index >= 0 else 0 if self.noneEnabled or self._nodes() else -1)
        combo.blockSignals(False)
        self._tell()

    def _select(self, node_id: str | None) -> None:
        index = self._combo.findData(node_id, ID) if node_id else -1
        self._combo.setCurrentIndex(index if index >= 0 else 0 if self.noneEnabled else -1)

    def _on_index(self, index: int) -> None:
        if index >= 0 and self._combo.itemData(index, ACTION):
            return  # an action: see `_on_activated`
        self._tell()

    def _tell(self) -> None:
        now = self._node_id(self._combo.currentIndex)
        if now != (self._last or ""):
            self._last = now
            self.currentNodeChanged.emit(self.currentNode())
            self.currentNodeIDChanged.emit(now)

    def _on_activated(self, index: int) -> None:
        what = self._combo.itemData(index, ACTION)
        if not what:
            self.nodeActivated.emit(self.currentNode())
            return
        self._select(self._last)
        if what.startswith("CREATE/"):
            self.nodeAddedByUserAction.emit(self.addNode(what.partition("/")[2]))
        elif what == "DELETE":
            self.removeCurrentNode()
        else:
            raise NotImplementedError(f"'{self._combo.itemText(index)}' opens a window")
