"""slicer.util.loadUI: .ui files through QUiLoader, with the stand-in's classes for the custom widgets."""

from __future__ import annotations

from xml.etree import ElementTree

from PySide6 import QtCore, QtUiTools, QtWidgets

from . import ctk_widgets, mrml_widgets

CUSTOM = {
    **mrml_widgets.WIDGETS,
    "ctkCollapsibleButton": ctk_widgets.ctkCollapsibleButton,
    "ctkSliderWidget": ctk_widgets.ctkSliderWidget,
}


class _Loader(QtUiTools.QUiLoader):
    """qt.QUiLoader as slicer.util.loadUI uses it."""

    def createWidget(self, class_name, parent=None, name=""):
        if class_name in CUSTOM:
            widget = CUSTOM[class_name](parent)
            widget.setObjectName(name)
            return widget
        if not hasattr(QtWidgets, class_name):
            raise ValueError(f"The .ui file asks for '{class_name}', which the stand-in does not have")
        return super().createWidget(class_name, parent, name)

    def load(self, device, parent=None):
        """The widget of an open .ui file. Raises ValueError for a file that Qt Designer could not have written."""
        root = ElementTree.fromstring(bytes(device.readAll().data()))
        declared = {node.findtext("class") for node in root.iter("customwidget")}
        used = {node.get("class") for node in root.iter("widget")}
        undeclared = {name for name in used if not name.startswith("Q")} - declared
        if undeclared:
            raise ValueError(f"The .ui file uses {sorted(undeclared)} without declaring them as custom widgets")
        enums = _enums_of_custom_widgets(root)
        text = QtCore.QBuffer()
        text.setData(ElementTree.tostring(root))
        text.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        widget = super().load(text, parent)
        if widget is None:
            raise ValueError(self.errorString())
        for name, key, value in enums:
            setattr(widget.findChild(QtWidgets.QWidget, name), key, value)
        return widget


def _enums_of_custom_widgets(root: ElementTree.Element) -> list[tuple[str, str, object]]:
    """(widget, property, value), taken out of the tree: Qt's loader finds enums of C++ properties only."""
    found: list[tuple[str, str, object]] = []
    for node in root.iter("widget"):
        for prop in [p for p in node.findall("property") if p.find("enum") is not None]:
            if node.get("class") in CUSTOM:
                owner, value = prop.findtext("enum").split("::")
                found.append((node.get("name"), prop.get("name"), getattr(getattr(QtWidgets, owner), value)))
                node.remove(prop)
    return found
