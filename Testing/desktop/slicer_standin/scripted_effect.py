"""What C++ gives a scripted Segment Editor effect, over the real vtkSlicerSegmentEditorLogic."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import shiboken6
import slicer
from PySide6 import QtCore, QtGui, QtWidgets

_Logic = slicer.vtkSlicerSegmentEditorLogic


def load_source_as_module(name: str, path: str) -> ModuleType:
    """What qSlicerScriptedUtils does: the module replaces whatever is in sys.modules under that name."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


class qSlicerSegmentEditorScriptedEffect(QtCore.QObject):
    """Calls the Python effect; offers it the adaptor's functions."""

    NotConfirmed, ConfirmedWithoutDialog, ConfirmedWithDialog = 0, 1, 2

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._python = None
        self._source = ""
        self._name = self._title = ""
        self._active = False
        self._flags = {"requireSegments": True, "perSegment": True}
        self._flags |= {"showEffectCursorInSliceView": True, "showEffectCursorInThreeDView": False}
        self._frame = QtWidgets.QFrame()
        self._layout = QtWidgets.QFormLayout(self._frame)
        self._actors: dict[object, list] = {}
        self._logic = None
        self._node = None

    def _flag(name):
        return QtCore.Property(
            bool, lambda self: self._flags[name], lambda self, value: self._flags.__setitem__(name, value)
        )

    perSegment, requireSegments = _flag("perSegment"), _flag("requireSegments")
    showEffectCursorInSliceView = _flag("showEffectCursorInSliceView")
    showEffectCursorInThreeDView = _flag("showEffectCursorInThreeDView")
    name = QtCore.Property(str, lambda self: self._name, lambda self, v: setattr(self, "_name", v))
    title = QtCore.Property(str, lambda self: self._title or self._name, lambda self, v: setattr(self, "_title", v))

    def setPythonSource(self, path: str) -> bool:
        if not path.endswith(".py"):
            return False
        folder, class_name = Path(path).parent.name, Path(path).stem
        if not class_name.endswith("Effect"):
            class_name += "Effect"
        module = sys.modules.get(folder)
        cls = getattr(module, class_name, None)
        if cls is None:
            cls = getattr(load_source_as_module(folder, path), class_name)
        self._python = cls(self)
        self._source = path
        setattr(slicer, folder, self._python)
        return True

    def pythonSource(self) -> str:
        return self._source

    def self(self):
        return self._python

    def _call(self, method: str, *arguments, default=None):
        function = getattr(self._python, method, None)
        return function(*arguments) if function is not None else default

    # called by the editor widget
    def clone(self):
        return self._call("clone")

    def icon(self) -> QtGui.QIcon:
        return self._call("icon", default=QtGui.QIcon())

    def helpText(self) -> str:
        return self._call("helpText", default="")

    def activate(self) -> None:
        self._frame.setVisible(True)
        self._active = True
        self._call("updateGUIFromMRML")
        self._call("activate")

    def deactivate(self) -> None:
        self._frame.setVisible(False)
        self._active = False
        self._call("deactivate")

    def active(self) -> bool:
        return self._active

    def cleanup(self) -> None:
        self._call("cleanup")

    def destroy(self) -> None:
        """What the C++ destructor does: the options frame goes too, and calls raise ValueError from then on."""
        shiboken6.delete(self._frame)
        shiboken6.delete(self)

    # called by the effect
    def optionsFrame(self) -> QtWidgets.QFrame:
        return self._frame

    def addOptionsWidget(self, widget) -> None:
        self._layout.addRow(widget)

    def addLabeledOptionsWidget(self, label: str, widget):
        text = QtWidgets.QLabel(label)
        self._layout.addRow(text, widget)
        return text

    def parameterSetNode(self):
        return self._node

    def scene(self):
        return self._node.GetScene() if self._node is not None else None

    def _key(self, name: str) -> str:
        return f"{self._name}.{name}"

    def parameter(self, name: str) -> str:
        return self._node.GetAttribute(self._key(name)) or ""

    def integerParameter(self, name: str) -> int:
        return int(self.parameter(name))

    def setParameter(self, name: str, value) -> None:
        self._node.SetAttribute(self._key(name), str(value))

    def setParameterDefault(self, name: str, value) -> None:
        if self._node.GetAttribute(self._key(name)) is None:
            self.setParameter(name, value)

    def parameterDefined(self, name: str) -> bool:
        return self._node.GetAttribute(self._key(name)) is not None

    def addActor2D(self, widget, actor) -> None:
        self.renderer(widget).AddActor2D(actor)
        self._actors.setdefault(widget, []).append(actor)
        widget.sliceView().scheduleRender()

    def removeActor2D(self, widget, actor) -> None:
        self.renderer(widget).RemoveActor2D(actor)
        self._actors[widget].remove(actor)
        widget.sliceView().scheduleRender()

    def cursorOff(self, widget) -> None:
        widget.sliceView().setCursor(QtCore.Qt.CursorShape.BlankCursor)

    def cursorOn(self, widget) -> None:
        widget.sliceView().unsetCursor()

    def selectEffect(self, name: str) -> None:
        slicer.modules.SegmentEditorWidget.editor.setActiveEffectByName(name)

    def confirmCurrentSegmentVisible(self) -> int:
        return self.ConfirmedWithoutDialog if self._logic.IsSelectedSegmentVisible() else self.NotConfirmed

    def saveStateForUndo(self) -> None:
        self._logic.SaveStateForUndo()

    def defaultModifierLabelmap(self):
        self._logic.ResetModifierLabelmapToDefault()
        return self._logic.GetModifierLabelmap()

    modifierLabelmap = lambda self: self._logic.GetModifierLabelmap()
    maskLabelmap = lambda self: self._logic.GetMaskLabelmap()

    def modifySegmentByLabelmap(self, segmentationNode, segmentID, labelmap, mode, bypassMasking=False) -> None:
        self._logic.ModifySegmentByLabelmap(
            segmentationNode, segmentID, labelmap, mode, self.perSegment, bool(bypassMasking)
        )

    def modifySelectedSegmentByLabelmap(self, labelmap, mode: int, extent=None, bypassMasking: bool = False) -> None:
        """Changes what is selected now, which a script that has computed meanwhile did not mean."""
        arguments = (self._node.GetSegmentationNode(), self._node.GetSelectedSegmentID() or "", labelmap, mode)
        if isinstance(extent, (list, tuple)):
            self._logic.ModifySegmentByLabelmap(*arguments, tuple(extent), self.perSegment, bypassMasking)
        else:
            self._logic.ModifySegmentByLabelmap(*arguments, self.perSegment, bool(extent) or bypassMasking)

    @staticmethod
    def renderWindow(widget):
        return widget.sliceView().renderWindow()

    @staticmethod
    def renderer(widget):
        return widget.sliceView().renderWindow().GetRenderers().GetItemAsObject(0)

    @staticmethod
    def viewNode(widget):
        return widget.mrmlSliceNode()

    @staticmethod
    def scheduleRender(widget) -> None:
        widget.sliceView().scheduleRender()

    @staticmethod
    def xyToRas(point: QtCore.QPoint, widget) -> QtGui.QVector3D:
        matrix = widget.mrmlSliceNode().GetXYToRAS()
        ras = matrix.MultiplyPoint((point.x(), point.y(), 0, 1))
        return QtGui.QVector3D(*ras[:3])

    @staticmethod
    def rasToXy(ras: QtGui.QVector3D, widget) -> QtCore.QPoint:
        import vtk

        inverse = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(widget.mrmlSliceNode().GetXYToRAS(), inverse)
        xy = inverse.MultiplyPoint((ras.x(), ras.y(), ras.z(), 1))
        return QtCore.QPoint(round(xy[0]), round(xy[1]))
