"""slicer.util.loadUI: .ui files through QUiLoader, with the stand-in's classes for the custom widgets."""

from __future__ import annotations

from types import SimpleNamespace
from xml.etree import ElementTree

from PySide6 import QtCore, QtUiTools, QtWidgets

from . import ctk_widgets, mrml_widgets

CUSTOM = {
    **mrml_widgets.WIDGETS,
    "ctkCollapsibleButton": ctk_widgets.ctkCollapsibleButton,
    "ctkSliderWidget": ctk_widgets.ctkSliderWidget,
}


class _Loader(QtUiTools.QUiLoader):
    def createWidget(self, class_name, parent=None, name=""):
        if class_name in CUSTOM:
            widget = CUSTOM[class_name](parent)
            widget.setObjectName(name)
            return widget
        if not hasattr(QtWidgets, class_name):
            raise ValueError(f"The .ui file asks for '{class_name}', which the stand-in does not have")
        return super().createWidget(class_name, parent, name)


def load_ui(path: str) -> QtWidgets.QWidget:
    """The widget of a .ui file. Raises ValueError for a file Qt Designer could not have written."""
    root = ElementTree.parse(path).getroot()
    declared = {node.findtext("class") for node in root.iter("customwidget")}
    used = {node.get("class") for node in root.iter("widget")}
    undeclared = {name for name in used if not name.startswith("Q")} - declared
    if undeclared:
        raise ValueError(f"{path} uses {sorted(undeclared)} without declaring them as custom widgets")
    file = QtCore.QFile(path)
    if not file.open(QtCore.QIODevice.OpenModeFlag.ReadOnly):
        raise FileNotFoundError(path)
    loader = _Loader()
    widget = loader.load(file)
    file.close()
    if widget is None:
        raise ValueError(loader.errorString())
    return widget


def child_widget_variables(widget: QtWidgets.QWidget) -> SimpleNamespace:
    """The named children as attributes, as slicer.util.childWidgetVariables gives them."""
    ui = SimpleNamespace()
    for child in widget.findChildren(QtCore.QObject):
        if child.objectName and not child.objectName.startswith("qt_"):
            setattr(ui, child.objectName, child)
    return ui
