"""The C++ halves of a scripted module: the module object and the widget that Python fills."""

from __future__ import annotations

import sys

import slicer
from PySide6 import QtWidgets

from .mrml_widgets import qMRMLWidget


class ModuleObject:
    """qSlicerScriptedLoadableModule."""

    def __init__(self, name: str, path: str) -> None:
        self.name, self.path = name, path
        self.instance = None
        self._widget: ScriptedWidget | None = None

    def widgetRepresentation(self) -> ScriptedWidget:
        if self._widget is None:
            self._widget = ScriptedWidget(self)
        return self._widget

    def createNewWidgetRepresentation(self) -> ScriptedWidget:
        return ScriptedWidget(self)

    @property
    def has_widget(self) -> bool:
        return self._widget is not None

    def close(self) -> None:
        if self._widget is not None:
            slicer.app.moduleManager().moduleAboutToBeUnloaded.emit(self.name)
            self._widget.deleteLater()
            self._widget = None


class ScriptedWidget(qMRMLWidget):
    """qSlicerScriptedLoadableModuleWidget: instantiates <Name>Widget and forwards setup, enter and exit."""

    def __init__(self, module: ModuleObject) -> None:
        super().__init__()
        self._module = module
        QtWidgets.QVBoxLayout(self)
        self.setMRMLScene(slicer.mrmlScene)
        self._python = None
        self.reload()

    def reload(self) -> None:
        name = self._module.name
        self._python = getattr(sys.modules[name], f"{name}Widget")(self)
        setattr(slicer.modules, f"{name}Widget", self._python)
        self._python.setup()

    def self(self):
        return self._python

    def enter(self) -> None:
        self.isEntered = True
        if hasattr(self._python, "enter"):
            self._python.enter()

    def exit(self) -> None:
        self.isEntered = False
        if hasattr(self._python, "exit"):
            self._python.exit()
