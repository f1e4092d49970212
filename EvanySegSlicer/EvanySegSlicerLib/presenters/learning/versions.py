"""Which learned estimators are in charge: a stack of steps, as text in the scene's session. No Qt.

A step is what one press of the button brought: a version for each label it concerned. Undo takes the last step off; the
files stay with the references, so that a scene opened later finds them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from evanyseg.adaptation.store import ReferenceStore

SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Version:
    """name: the estimator's, as in tables; file: in the label's folder; corrected, volumes: what it was learned from;
    before, after: mean absolute errors on them, each scored without its own volume (or slice, of one volume)."""

    name: str
    file: str
    corrected: int
    volumes: int
    before: float
    after: float


Step = Mapping[str, Version]


def read_steps(text: str) -> list[Step]:
    """Steps from the session's text; none where it cannot be read (a file edited by hand)."""
    try:
        return [
            {str(label): Version(**version) for label, version in step.items()} for step in json.loads(text or "[]")
        ]
    except (ValueError, TypeError, AttributeError):
        return []


def text_of(steps: Sequence[Step]) -> str:
    return json.dumps([{label: asdict(version) for label, version in step.items()} for step in steps]) if steps else ""


def in_charge(text: str) -> dict[str, Version]:
    """By label: the last step that speaks of it."""
    found: dict[str, Version] = {}
    for step in read_steps(text):
        found.update(step)
    return found


def learned_files(text: str, store: ReferenceStore) -> dict[str, Path]:
    """By label: the file of the version in charge. A scene names files inside the folder of references only."""
    return {
        label: store.folder_of(label) / version.file
        for label, version in in_charge(text).items()
        if Path(version.file).name == version.file and version.file.endswith(SUFFIX)
    }
