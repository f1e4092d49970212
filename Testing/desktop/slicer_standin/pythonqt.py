"""Makes PySide6 objects behave as PythonQt ones: Q_PROPERTYs as attributes, signals by their C++ signature.

The PySide6 classes themselves are changed (this process only ever runs the stand-in), so that objects which Qt hands
out, such as headers and layouts, behave the same way as those that Python made. Setters (`setText`) stay.
"""

from __future__ import annotations

import re
from functools import partial
from types import ModuleType

import shiboken6
from PySide6 import QtCore, QtGui, QtWidgets

# Called by Qt as virtual functions or overloaded with them: a property in their place would break the C++ call.
KEPT_AS_METHODS = {"sizeHint", "minimumSizeHint", "inputMethodHints"}
_ADAPTED: set[type] = set()


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
        if name not in KEPT_AS_METHODS and not isinstance(cls.__dict__.get(name), QtCore.Property):
            setattr(cls, name, _qt_property(name))


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
    return True


def _disconnect(self, signature: str, slot) -> bool:
    return _bound_signal(self, signature).disconnect(slot)


def _class_name(self) -> str:
    return type(self).__name__


def adapt_all() -> None:
    """Adapt every QObject class of QtCore, QtGui and QtWidgets, once."""
    for module in (QtCore, QtGui, QtWidgets):
        for name in dir(module):
            candidate = getattr(module, name)
            if isinstance(candidate, type) and issubclass(candidate, QtCore.QObject):
                adapt(candidate)
    original = QtCore.QObject.__getattribute__

    def getattribute(self, name):
        if not shiboken6.isValid(self) and not name.startswith("__"):
            kind = object.__getattribute__(self, "__class__").__name__
            raise ValueError(f"Trying to call or read '{name}' on a destroyed {kind} object")
        # PySide6 answers these two from C, whatever the class says
        if name == "connect":
            return partial(_connect, self)
        if name == "disconnect":
            return partial(_disconnect, self)
        return original(self, name)

    QtCore.QObject.__getattribute__ = getattribute
    QtCore.QObject.className = _class_name
    QtCore.QObject.name = _qt_property("objectName")


def qt_module() -> ModuleType:
    """The module that Slicer's scripts import as `qt`: QtCore, QtGui and QtWidgets in one."""
    module = ModuleType("qt", "PySide6 dressed as PythonQt")
    for source in (QtCore, QtGui, QtWidgets):
        for name in dir(source):
            if name.startswith("Q"):
                setattr(module, name, getattr(source, name))
    module.Slot, module.Signal = QtCore.Slot, QtCore.Signal
    return module
