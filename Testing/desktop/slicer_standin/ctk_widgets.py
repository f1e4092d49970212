"""The few CTK widgets the module uses."""

from __future__ import annotations

from types import ModuleType

from PySide6 import QtCore, QtWidgets


class ctkCollapsibleButton(QtWidgets.QWidget):
    """A heading that shows or hides what lies below it."""

    contentsCollapsed = QtCore.Signal(bool)

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._collapsed = False
        self._heading = QtWidgets.QToolButton(self)
        self._heading.setToolButtonStyle(QtCore.Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._heading.setAutoRaise(True)
        font = self._heading.font
        font.setBold(True)
        self._heading.setFont(font)
        self._heading.clicked.connect(lambda: self._set_collapsed(not self._collapsed))
        self.setContentsMargins(0, 24, 0, 0)
        self._show_arrow()

    def _show_arrow(self) -> None:
        self._heading.setArrowType(QtCore.Qt.ArrowType.RightArrow if self._collapsed else QtCore.Qt.ArrowType.DownArrow)

    def resizeEvent(self, event) -> None:
        self._heading.setGeometry(0, 0, event.size().width(), 24)

    def _get_text(self) -> str:
        return self._heading.text

    def _set_text(self, text: str) -> None:
        self._heading.setText(text)

    def _get_collapsed(self) -> bool:
        return self._collapsed

    def _set_collapsed(self, collapsed: bool) -> None:
        if collapsed == self._collapsed:
            return
        self._collapsed = collapsed
        for child in self.children():
            if isinstance(child, QtWidgets.QWidget) and child is not self._heading:
                child.setVisible(not collapsed)
        self.setMaximumHeight(24 if collapsed else 16777215)
        self._show_arrow()
        self.contentsCollapsed.emit(collapsed)

    text = QtCore.Property(str, _get_text, _set_text)
    collapsed = QtCore.Property(bool, _get_collapsed, _set_collapsed)


class ctkSliderWidget(QtWidgets.QWidget):
    """A slider beside a spin box."""

    valueChanged = QtCore.Signal(float)

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal, self)
        self._box = QtWidgets.QDoubleSpinBox(self)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._slider, 1)
        layout.addWidget(self._box)
        self._box.valueChanged.connect(self._from_box)
        self._slider.valueChanged.connect(lambda v: self._box.setValue(v * self._box.singleStep))
        self._sync()

    def _sync(self) -> None:
        step = self._box.singleStep or 1.0
        self._slider.blockSignals(True)
        self._slider.setRange(round(self._box.minimum / step), round(self._box.maximum / step))
        self._slider.setValue(round(self._box.value / step))
        self._slider.blockSignals(False)

    def _from_box(self, value: float) -> None:
        self._sync()
        self.valueChanged.emit(value)

    def _reader(name):
        return lambda self: getattr(self._box, name)

    def _writer(name):
        def write(self, value):
            setattr(self._box, name, value)
            self._sync()

        return write

    value = QtCore.Property(float, _reader("value"), _writer("value"))
    minimum = QtCore.Property(float, _reader("minimum"), _writer("minimum"))
    maximum = QtCore.Property(float, _reader("maximum"), _writer("maximum"))
    singleStep = QtCore.Property(float, _reader("singleStep"), _writer("singleStep"))
    decimals = QtCore.Property(int, _reader("decimals"), _writer("decimals"))
    suffix = QtCore.Property(str, _reader("suffix"), _writer("suffix"))


class _Unused(QtWidgets.QWidget):
    """Named by Slicer's own connectors, never made by this module."""


def ctk_module() -> ModuleType:
    module = ModuleType("ctk", "stand-in for CTK")
    module.ctkCollapsibleButton, module.ctkSliderWidget = ctkCollapsibleButton, ctkSliderWidget
    for name in [
        "ctkCheckBox",
        "ctkCheckablePushButton",
        "ctkDoubleSlider",
        "ctkDoubleSpinBox",
        "ctkComboBox",
        "ctkRangeWidget",
        "ctkDoubleRangeSlider",
        "ctkPathLineEdit",
        "ctkDirectoryButton",
        "ctkColorPickerButton",
        "ctkPopupWidget",
    ]:
        setattr(module, name, type(name, (_Unused,), {}))
    return module
