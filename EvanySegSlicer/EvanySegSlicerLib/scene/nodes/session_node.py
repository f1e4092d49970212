"""What a review is about, kept in the scene: one vtkMRMLScriptedModuleNode that every front end reads and writes.

Node roles and parameter names are those of `Session`'s fields, in the text form of Slicer's parameterNodeWrapper, so
that the desktop can wrap the same node.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any

from evanyseg.bands import BandThresholds

MODULE_NAME = "EvanySegSlicer"
NODE_ROLES = ("volume", "segmentation", "score_table", "overlay_volume")
FORMER_NAMES = {"preset": "recipe"}
"""Parameters that scenes of earlier versions hold under another name: read, never written."""


@dataclass
class Session:
    """Ids of nodes are empty when there is none. queue_*: where the reviewer is; displaced: what the overlay pushed
    aside (JSON), to be put back when it goes."""

    volume: str = ""
    segmentation: str = ""
    score_table: str = ""
    overlay_volume: str = ""
    segmenter: str = "builtin"
    estimator: str = "builtin"
    device: str = "auto"
    preset: str = ""
    good: float = 0.9
    check: float = 0.7
    continuous: bool = False
    order: str = "wrong area"
    min_area_mm2: float = 0.0
    allow_cropped: bool = False
    queue_segment: str = ""
    queue_axis: int = -1
    queue_index: int = -1
    queue_geometry: str = ""
    displaced: str = ""

    @property
    def thresholds(self) -> BandThresholds:
        return BandThresholds(self.good, self.check)


class SessionNode:
    """Reads and writes a `Session` in its node; keeps no copy."""

    def __init__(self, node: Any) -> None:
        self.node = node

    @classmethod
    def of_scene(cls, scene: Any) -> SessionNode:
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
            if field.name in NODE_ROLES:
                node = self.node.GetNodeReference(field.name)
                value: Any = node.GetID() if node is not None else ""
            else:
                name = field.name
                if not self.node.HasParameter(name):
                    name = FORMER_NAMES.get(name, name)
                text = self.node.GetParameter(name)
                value = _parsed(text, type(getattr(session, field.name)), getattr(session, field.name))
            setattr(session, field.name, value)
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

    def set(self, name: str, value: Any) -> None:
        """One field of `Session`; a node's id for node roles."""
        if name in NODE_ROLES:
            self.node.SetNodeReferenceID(name, value or None)
        else:
            self.node.SetParameter(name, str(value))

    @property
    def displaced(self) -> dict[str, Any]:
        text = self.node.GetParameter("displaced")
        try:
            found = json.loads(text) if text else {}
        except json.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}

    @displaced.setter
    def displaced(self, value: dict[str, Any]) -> None:
        self.node.SetParameter("displaced", json.dumps(value) if value else "")


def _parsed(text: str, kind: type, default: Any) -> Any:
    if not text:
        return default
    if kind is bool:
        return text == "True"
    try:
        return kind(text)
    except ValueError:
        return default
