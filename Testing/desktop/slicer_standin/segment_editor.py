"""The register of Segment Editor effects and the widget that runs them."""

from __future__ import annotations

import sys
from types import ModuleType

import slicer
from PySide6 import QtCore, QtWidgets

from .scripted_effect import qSlicerSegmentEditorScriptedEffect

_Logic = slicer.vtkSlicerSegmentEditorLogic


class qSlicerSegmentEditorAbstractEffect:
    """Holds the modes that scripts name."""

    ModificationModeSet, ModificationModeAdd = _Logic.ModificationModeSet, _Logic.ModificationModeAdd
    ModificationModeRemove, ModificationModeRemoveAll = _Logic.ModificationModeRemove, _Logic.ModificationModeRemoveAll
    NotConfirmed, ConfirmedWithoutDialog, ConfirmedWithDialog = 0, 1, 2


class qSlicerSegmentEditorEffectFactory(QtCore.QObject):
    """The register of effects."""

    effectRegistered = QtCore.Signal(str)
    _instance = None

    def __init__(self) -> None:
        super().__init__()
        self._effects: list[qSlicerSegmentEditorScriptedEffect] = []

    @classmethod
    def instance(cls):
        if cls._instance is None:
            cls._instance = cls()
        return cls._instance

    @classmethod
    def reset(cls) -> None:
        cls._instance = None
        sys.modules.pop("SegmentEditorEvanySegLib", None)  # a fresh application has loaded no effect yet

    def registerEffect(self, effect) -> bool:
        if any(e.name == effect.name for e in self._effects):
            return False  # as in C++: the first of a name stays
        self._effects.append(effect)
        self.effectRegistered.emit(effect.name)
        return True

    def registeredEffects(self):
        return list(self._effects)


EVENTS = (
    "LeftButtonPressEvent",
    "LeftButtonReleaseEvent",
    "LeftButtonDoubleClickEvent",
    "RightButtonPressEvent",
    "RightButtonReleaseEvent",
    "MouseMoveEvent",
    "KeyPressEvent",
    "EnterEvent",
    "LeaveEvent",
)


class qMRMLSegmentEditorWidget(QtWidgets.QWidget):
    """Clones of the registered effects, one of them active, fed with the slice views' events."""

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._logic = slicer.vtkSlicerSegmentEditorLogic()
        self._logic.SetMRMLScene(slicer.mrmlScene)
        self._logic.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        self._node = None
        self._effects: dict[str, qSlicerSegmentEditorScriptedEffect] = {}
        self._active: qSlicerSegmentEditorScriptedEffect | None = None
        self._observations: list[tuple[object, int]] = []
        self._box = QtWidgets.QVBoxLayout(self)
        self.updateEffectList()

    def setMRMLSegmentEditorNode(self, node) -> None:
        self._node = node
        self._logic.SetSegmentEditorNode(node)
        for effect in self._effects.values():
            effect._node = node

    def mrmlSegmentEditorNode(self):
        return self._node

    def setMaximumNumberOfUndoStates(self, count: int) -> None:
        self._logic.SetMaximumNumberOfUndoStates(count)

    def setSegmentationNode(self, node) -> None:
        self._logic.SetSegmentationNode(node)

    def setSourceVolumeNode(self, node) -> None:
        self._logic.SetSourceVolumeNode(node)

    def setCurrentSegmentID(self, segment_id: str) -> None:
        self._node.SetSelectedSegmentID(segment_id)

    def updateEffectList(self) -> None:
        for registered in slicer.qSlicerSegmentEditorEffectFactory.instance().registeredEffects():
            if registered.name in self._effects:
                continue
            effect = registered.clone()
            effect._logic, effect._node = self._logic, self._node
            effect._call("setupOptionsFrame")
            effect._frame.setVisible(False)
            self._box.addWidget(effect._frame)
            self._effects[registered.name] = effect

    def effectByName(self, name: str):
        return self._effects.get(name)

    def activeEffect(self):
        return self._active

    def setActiveEffectByName(self, name: str) -> None:
        self.setActiveEffect(self._effects.get(name))

    def setActiveEffect(self, effect) -> None:
        if self._active is not None:
            self._active.deactivate()
            self.removeViewObservations()
        self._active = effect
        self._node.SetActiveEffectName(effect.name if effect is not None else "")
        if effect is not None:
            effect._call("setMRMLDefaults")
            effect.activate()
            self._observe_views()

    def _observe_views(self) -> None:
        manager = slicer.app.layoutManager()
        for name in manager.sliceViewNames():
            widget = manager.sliceWidget(name)
            interactor = widget.sliceView().interactor()
            for event in EVENTS:
                holder: dict[str, int] = {}

                def on_event(caller, event_name, widget=widget, holder=holder):
                    import vtk

                    event_id = vtk.vtkCommand.GetEventIdFromString(event_name)
                    if self._active is not None and self._active._call(
                        "processInteractionEvents", caller, event_id, widget, default=False
                    ):
                        caller.GetCommand(holder["tag"]).SetAbortFlag(1)

                holder["tag"] = interactor.AddObserver(event, on_event, 1.0)
                self._observations.append((interactor, holder["tag"]))
            node = widget.mrmlSliceNode()
            tag = node.AddObserver(
                "ModifiedEvent",
                lambda caller, event, widget=widget: (
                    self._active and self._active._call("processViewNodeEvents", caller, 33, widget)
                ),
            )
            self._observations.append((node, tag))

    def removeViewObservations(self) -> None:
        for subject, tag in self._observations:
            subject.RemoveObserver(tag)
        self._observations = []

    def undo(self) -> None:
        self._logic.Undo()

    def redo(self) -> None:
        self._logic.Redo()

    def logic(self):
        return self._logic

    def shut(self) -> None:
        """The editor's end: effects are cleaned up and destroyed; calls on them raise ValueError from then on."""
        if self._node is not None and self._node.GetScene() is not None:
            self.setActiveEffect(None)
        for effect in self._effects.values():
            effect.cleanup()
            effect.destroy()
        self._effects = {}


def segment_editor_classes() -> dict[str, type]:
    return {
        cls.__name__: cls
        for cls in (
            qSlicerSegmentEditorScriptedEffect,
            qSlicerSegmentEditorAbstractEffect,
            qSlicerSegmentEditorEffectFactory,
            qMRMLSegmentEditorWidget,
        )
    }


def effects_module() -> ModuleType:
    module = ModuleType("qSlicerSegmentationsEditorEffectsPythonQt")
    module.qSlicerSegmentEditorScriptedEffect = qSlicerSegmentEditorScriptedEffect
    return module
