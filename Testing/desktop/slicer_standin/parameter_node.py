"""slicer.parameterNodeWrapper of the stand-in: typed attributes stored in a scripted module node, bound to widgets.

Values are stored under the attribute's own name as text, nodes as references of that name: the same keys and texts as
Slicer's own wrapper writes, so that both read each other's scenes.
"""

from __future__ import annotations

import typing
from dataclasses import dataclass

import qt
import slicer
import vtk

PROPERTY = "SlicerParameterName"


@dataclass
class WithinRange:
    minimum: float
    maximum: float


@dataclass
class Choice:
    choices: list


class _Field:
    def __init__(self, name: str, annotation, default) -> None:
        self.name = name
        self.type = typing.get_args(annotation)[0] if typing.get_origin(annotation) is typing.Annotated else annotation
        self.notes = typing.get_args(annotation)[1:] if typing.get_origin(annotation) is typing.Annotated else ()
        members = [t for t in typing.get_args(self.type) if t is not type(None)] or [self.type]
        self.is_node = all(isinstance(t, type) and issubclass(t, slicer.vtkMRMLNode) for t in members)
        self.node_types = tuple(members) if self.is_node else ()
        self.default = default if default is not None or self.is_node else self.type()

    def check(self, value) -> None:
        for note in self.notes:
            if isinstance(note, WithinRange) and not note.minimum <= value <= note.maximum:
                raise ValueError(f"{self.name}: {value} is not within {note.minimum}..{note.maximum}")
            if isinstance(note, Choice) and value not in note.choices:
                raise ValueError(f"{self.name}: {value} is none of {note.choices}")
        if self.is_node:
            if value is not None and not isinstance(value, self.node_types):
                raise ValueError(f"{self.name}: {value.GetClassName()} is not a node it takes")
        elif not isinstance(value, (int, float) if self.type is float else self.type):
            raise ValueError(f"{self.name}: {value!r} is not a {self.type.__name__}")

    def write(self, node, value) -> None:
        self.check(value)
        if self.is_node:
            node.SetParameter(self.name, "")  # Slicer's wrapper tells by it whether the reference was ever set
            node.SetNodeReferenceID(self.name, value.GetID() if value is not None else None)
        else:
            node.SetParameter(self.name, str(value))

    def read(self, node):
        if self.is_node:
            return node.GetNodeReference(self.name)
        text = node.GetParameter(self.name)
        return text == "True" if self.type is bool else self.type(text)

    def is_in(self, node) -> bool:
        return node.HasParameter(self.name)


def _signal_and_access(widget, field: _Field):
    """(signal, reader, writer) by the exact widget class, as Slicer's connectors choose."""
    kind = type(widget).__name__
    if field.is_node and kind == "qMRMLNodeComboBox":
        widget.nodeTypes = [t.__name__ for t in field.node_types]
        return widget.currentNodeChanged, widget.currentNode, widget.setCurrentNode
    if field.type is bool and kind in ("QCheckBox", "QPushButton"):
        return widget.toggled, lambda: widget.checked, lambda v: setattr(widget, "checked", v)
    if field.type in (int, float) and kind in ("QSpinBox", "QDoubleSpinBox", "ctkSliderWidget"):
        for note in field.notes:
            if isinstance(note, WithinRange):
                widget.minimum, widget.maximum = note.minimum, note.maximum
        return widget.valueChanged, lambda: field.type(widget.value), lambda v: setattr(widget, "value", v)
    if field.type is str and kind == "QLineEdit":
        return widget.textChanged, lambda: widget.text, lambda v: setattr(widget, "text", v)
    if kind == "QComboBox":
        choices = next((n.choices for n in field.notes if isinstance(n, Choice)), None)
        if choices is None:
            raise RuntimeError(f"{field.name}: a combo box needs the Choice annotation")
        widget.clear()
        for choice in choices:
            widget.addItem(str(choice))
        return (
            widget.currentIndexChanged,
            lambda: choices[widget.currentIndex],
            lambda v: setattr(widget, "currentIndex", choices.index(v)),
        )
    raise RuntimeError(f"No connector for {field.name} ({field.type}) and {kind}")


def parameterNodeWrapper(cls):
    """Class decorator: annotated attributes become properties stored in the node given to the constructor."""
    fields = {
        name: _Field(name, annotation, cls.__dict__.get(name))
        for name, annotation in typing.get_type_hints(cls, include_extras=True).items()
    }

    def init(self, parameterNode, prefix=None) -> None:
        self.parameterNode = parameterNode
        self._guis, self._next_tag, self._updating = {}, 0, False
        for field in fields.values():
            if not field.is_in(parameterNode):
                field.write(parameterNode, field.default)

    def make_property(field: _Field) -> property:
        return property(
            lambda self: field.read(self.parameterNode), lambda self, value: field.write(self.parameterNode, value)
        )

    def connect_gui(self, ui) -> int:
        tag, self._next_tag = self._next_tag, self._next_tag + 1
        links = []
        for widget in ui.__dict__.values():
            name = widget.property(PROPERTY)
            if name:
                links.append(self._link(widget, fields[name]))
        observer = self.parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: self._to_gui(tag))
        self._guis[tag] = (links, observer)
        return tag

    def link(self, widget, field: _Field):
        signal, read, write = _signal_and_access(widget, field)
        write(field.read(self.parameterNode))

        def on_changed() -> None:
            if not self._updating:
                field.write(self.parameterNode, read())

        signal.connect(on_changed)
        return field, signal, write, on_changed

    def to_gui(self, tag: int) -> None:
        if self._updating or tag not in self._guis:
            return
        self._updating = True
        try:
            for field, _, write, _ in self._guis[tag][0]:
                write(field.read(self.parameterNode))
        finally:
            self._updating = False

    def disconnect_gui(self, tag: int) -> None:
        if tag in self._guis:
            links, observer = self._guis.pop(tag)
            self.parameterNode.RemoveObserver(observer)
            for _, signal, _, slot in links:
                signal.disconnect(slot)

    for field in fields.values():
        setattr(cls, field.name, make_property(field))
    cls.__init__, cls.connectGui, cls.disconnectGui = init, connect_gui, disconnect_gui
    cls._link, cls._to_gui = link, to_gui
    cls.AddObserver = lambda self, event, callback, priority=0.0: self.parameterNode.AddObserver(
        event, callback, priority
    )
    cls.RemoveObserver = lambda self, tag: self.parameterNode.RemoveObserver(tag)
    cls.StartModify = lambda self: self.parameterNode.StartModify()
    cls.EndModify = lambda self, before: self.parameterNode.EndModify(before)
    cls.Modified = lambda self: self.parameterNode.Modified()
    cls._is_parameter_node_wrapper = True
    return cls


def find_child(widget, name):  # kept beside the wrapper as in Slicer
    return next((w for w in widget.findChildren(qt.QWidget) if w.property(PROPERTY) == name), None)


findChildWidgetForParameter = find_child
