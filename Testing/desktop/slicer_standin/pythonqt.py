"""Makes PySide6 objects behave as PythonQt ones: Q_PROPERTYs as attributes, signals by their C++ signature, and for the
module's own code (see `strict`) PythonQt's refusals.

The PySide6 classes themselves are changed (this process only ever runs the stand-in), so that objects which Qt hands
out, such as headers and layouts, behave the same way as those that Python made. Setters (`setText`) stay.
"""

from __future__ import annotations

import ctypes
import re
from functools import partial
from types import ModuleType
from typing import Any

import shiboken6
from PySide6 import QtCore, QtGui, QtWidgets

from . import connections, enums, strict

_ADAPTED: set[type] = set()
_MODULES = (QtCore, QtGui, QtWidgets)
_set_attribute = ctypes.pythonapi.PyObject_GenericSetAttr
_set_attribute.argtypes, _set_attribute.restype = [ctypes.py_object, ctypes.py_object, ctypes.py_object], ctypes.c_int
_delete_attribute = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.py_object, ctypes.c_void_p)(
    ("PyObject_GenericSetAttr", ctypes.pythonapi)
)


def _qt_property(name: str) -> property:
    def read(self):
        return QtCore.QObject.property(self, name)

    def write(self, value):
        if not QtCore.QObject.setProperty(self, name, value):
            raise AttributeError(f"{type(self).__name__} has no writable property '{name}'")

    return property(read, write)


def adapt(cls: type) -> None:
    """Turn the Q_PROPERTYs that `cls` itself declares into Python properties."""
    if cls in _ADAPTED or not hasattr(cls, "staticMetaObject"):
        return
    _ADAPTED.add(cls)
    meta = cls.staticMetaObject
    for index in range(meta.propertyOffset(), meta.propertyCount()):
        name = meta.property(index).name()
        # called by Qt as virtual functions: a property in their place would break the C++ call
        if name not in strict.PROPERTIES_THERE and not isinstance(cls.__dict__.get(name), QtCore.Property):
            setattr(cls, name, _qt_property(name))


# ---- signals ------------------------------------------------------------------------------------------------------


def signal_name(signature: str) -> str:
    """'clicked(bool)' -> 'clicked'; a bare word is refused, as PythonQt refuses it."""
    match = re.fullmatch(r"(\w+)\([\w\s:*&<>,]*\)", signature.strip())
    if match is None:
        raise ValueError(f"'{signature}' is not a signal signature such as 'clicked(bool)'")
    return match.group(1)


def _bound_signal(self, signature: str):
    name = signal_name(signature)
    meta = self.metaObject()
    arguments = signature[signature.index("(") :].replace(" ", "")
    known = [
        bytes(meta.method(i).methodSignature()).decode()
        for i in range(meta.methodCount())
        if meta.method(i).methodType() == QtCore.QMetaMethod.MethodType.Signal
    ]
    if name + arguments not in known:
        near = [k for k in known if k.startswith(name + "(")]
        # Python-side signals of the stand-in's own widgets carry PyObject where C++ has a pointer
        if not any("PyObject" in k for k in near):
            raise ValueError(
                f"{meta.className()} has no signal {name + arguments}; it has {near or 'none of that name'}"
            )
        return getattr(self, name)
    signal = getattr(self, name)
    try:
        return signal[arguments[1:-1]] if len([k for k in known if k.startswith(name + "(")]) > 1 else signal
    except (IndexError, KeyError):
        return signal


def _connect(self, signature: str, slot) -> bool:
    _bound_signal(self, signature).connect(slot)
    connections.remember(self, signature, slot)
    return True


def _disconnect(self, signature: str, slot) -> bool:
    connections.forget(self, signature, slot)
    return _bound_signal(self, signature).disconnect(slot)


def _class_name(self) -> str:
    return type(self).__name__


# ---- what every Qt object does -------------------------------------------------------------------------------------


def _patch_reading(cls: type, original: Any) -> None:
    """Attribute access of QObjects: signals by signature, ValueError of the dead, PythonQt's rules for strict code."""

    def getattribute(self, name):
        if not shiboken6.isValid(self) and not name.startswith("__"):
            kind = object.__getattribute__(self, "__class__").__name__
            raise ValueError(f"Trying to call or read '{name}' on a destroyed {kind} object")
        # PySide6 answers these two from C, whatever the class says
        if name == "connect":
            return partial(_connect, self)
        if name == "disconnect":
            return partial(_disconnect, self)
        caller = strict.strict_caller()
        if not caller or name.startswith("__"):
            return original(self, name)
        return _strictly(self, name, original(self, name), caller)

    cls.__getattribute__ = getattribute


def _patch_value_reading(cls: type, original: Any) -> None:
    """The same for QColor, QListWidgetItem and other classes that are no QObjects."""

    def getattribute(self, name):
        caller = strict.strict_caller()
        if name.startswith("__") or not caller:
            return original(self, name)
        return _strictly(self, name, original(self, name), caller)

    cls.__getattribute__ = getattribute


def _strictly(self, name: str, value: Any, caller: str) -> Any:
    if caller in strict.OURS:
        strict.USED.add(name)
    kind = type(self).__name__
    if name in strict.PROPERTIES_THERE and isinstance(self, QtWidgets.QWidget):
        return value()
    if isinstance(value, QtCore.SignalInstance):
        return value
    if callable(value) and not isinstance(value, type) and not hasattr(value, "staticMetaObject"):
        return strict.Bound(value, kind, name)
    return strict.answer(value)


def _patch_making(cls: type) -> None:
    original = cls.__init__

    def init(self, *arguments, **keywords):
        if strict.strict_caller():
            strict.refuse_arguments(f"{cls.__name__}(...)", arguments, keywords, cls)
        original(self, *arguments, **keywords)

    cls.__init__ = init


def _patch_writing(cls: type) -> None:
    def setattribute(self, name, value):
        found = next((c.__dict__[name] for c in type(self).__mro__ if name in c.__dict__), None)
        caller = strict.strict_caller()
        if caller:
            known = isinstance(found, (property, QtCore.Property))
            if not known and name not in [bytes(n).decode() for n in self.dynamicPropertyNames()]:
                raise AttributeError(
                    f"'{name}' does not exist on {type(self).__name__} and creating new attributes on C++ objects is "
                    "not allowed"
                )
            if caller in strict.OURS:
                strict.USED.add(name)
            strict.refuse_arguments(f"{type(self).__name__}.{name} = ...", (value,), {})
        if isinstance(found, QtCore.Property):
            found.fset(self, value)
        else:
            _set_attribute(self, name, value)

    cls.__setattr__ = setattribute
    cls.__delattr__ = lambda self, name: _delete_attribute(self, name, None) and None


def _patch_truth(cls: type) -> None:
    def truth(self) -> bool:
        if strict.strict_caller():
            if not shiboken6.isValid(self):
                raise TypeError(f"truth of a destroyed {type(self).__name__}: compare with None")
            if isinstance(self, QtWidgets.QLayout):
                raise TypeError(f"truth of a {type(self).__name__}: an empty layout is false; compare with None")
        return True

    cls.__bool__ = truth


_WINDOWS = {
    QtWidgets.QFileDialog: ("getSaveFileName", "getOpenFileName", "getOpenFileNames", "getExistingDirectory"),
    QtWidgets.QMessageBox: ("question", "warning", "information", "critical"),
    QtWidgets.QInputDialog: ("getText", "getItem", "getInt", "getDouble"),
}


def _no_window(name: str, *arguments: Any) -> None:
    """A window that nobody would answer, where a test has not said what the user does."""
    raise AssertionError(f"{name}{arguments[1:]} would wait for the user")


def adapt_all() -> None:
    """Adapt every class of QtCore, QtGui and QtWidgets, once."""
    # by name: PySide6 makes its classes when they are asked for
    found = {getattr(module, name) for module in _MODULES for name in dir(module) if name.startswith("Q")}
    classes = {c for c in found if type(c).__name__ == "ObjectType"}
    enums.adapt_enums(classes)
    classes = sorted(classes, key=lambda c: (len(c.__mro__), c.__name__))
    objects = [c for c in classes if issubclass(c, QtCore.QObject)]
    for cls in objects:
        adapt(cls)
    original = QtCore.QObject.__getattribute__
    for cls in classes:
        _patch_making(cls)
        if cls not in objects:
            _patch_value_reading(cls, cls.__getattribute__)
    for cls in objects:
        _patch_writing(cls)
        _patch_truth(cls)
    _patch_reading(QtCore.QObject, original)
    for cls, names in _WINDOWS.items():
        for name in names:
            setattr(cls, name, staticmethod(partial(_no_window, f"{cls.__name__}.{name}")))
    QtCore.QObject.className = _class_name
    QtCore.QObject.name = _qt_property("objectName")


def qt_module() -> ModuleType:
    """The module that Slicer's scripts import as `qt`: QtCore, QtGui and QtWidgets in one."""
    module = ModuleType("qt", "PySide6 dressed as PythonQt")
    for source in _MODULES:
        for name in dir(source):
            if name.startswith("Q"):
                setattr(module, name, getattr(source, name))
    module.Qt = enums.QtNamespace()
    module.Slot, module.Signal = QtCore.Slot, QtCore.Signal
    return module
