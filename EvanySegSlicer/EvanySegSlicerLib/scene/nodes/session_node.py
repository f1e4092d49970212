"""The session in the scene: one vtkMRMLScriptedModuleNode.

Node roles and parameter names are those of `Session`'s fields, in the text form of Slicer's parameterNodeWrapper, so
that the desktop can wrap the same node.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from .session import NODE_ROLES, Session, Value

if TYPE_CHECKING:
    from slicer import vtkMRMLScene, vtkMRMLScriptedModuleNode

MODULE_NAME = "EvanySegSlicer"
FORMER_NAMES = {"preset": "recipe", "auto_score": "autoScore"}
"""Parameters that scenes of earlier versions hold under another name: read, never written."""


class SessionNode:
    """Reads and writes a `Session` in its node; keeps no copy."""

    def __init__(self, node: vtkMRMLScriptedModuleNode) -> None:
        self.node = node

    @classmethod
    def of_scene(cls, scene: vtkMRMLScene) -> SessionNode:
        """The scene's session, made when there is none."""
        import slicer

        found = scene.GetSingletonNode(MODULE_NAME, "vtkMRMLScriptedModuleNode")
        if found is None:
            node = slicer.vtkMRMLScriptedModuleNode()
            node.SetSingletonTag(MODULE_NAME)
            node.SetModuleName(MODULE_NAME)
            node.SetName(MODULE_NAME)
            node.SetAttribute("ModuleName", MODULE_NAME)
            found = scene.AddNode(node)
        return cls(found)

    def read(self) -> Session:
        """Values that cannot be read (a file edited by hand) fall back to their defaults."""
        session = Session()
        for field in fields(Session):
            setattr(session, field.name, self._value(field.name, getattr(session, field.name)))
        if not 0 < session.check < session.good <= 1:
            session.good, session.check = Session.good, Session.check
        return session

    def write(self, session: Session) -> None:
        was = self.node.StartModify()
        try:
            for field in fields(Session):
                self.set(field.name, getattr(session, field.name))
        finally:
            self.node.EndModify(was)

    def set(self, name: str, value: Value) -> None:
        """One field of `Session`; a node's id for node roles."""
        if name in NODE_ROLES:
            self.node.SetNodeReferenceID(name, value or None)
        else:
            self.node.SetParameter(name, str(value))

    def _value(self, name: str, default: Value) -> Value:
        if name in NODE_ROLES:
            node = self.node.GetNodeReference(name)
            return node.GetID() if node is not None else ""
        key = name if self.node.HasParameter(name) else FORMER_NAMES.get(name, name)
        return _parsed(self.node.GetParameter(key), default)


def _parsed(text: str, default: Value) -> Value:
    if not text:
        return default
    if isinstance(default, bool):
        return text == "True"
    try:
        return type(default)(text)
    except ValueError:
        return default
