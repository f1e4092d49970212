"""Where the names of a label map's values are: what the user names, the file itself, nnU-Net's folder."""

from __future__ import annotations

import json
from pathlib import Path

from ...errors import ImageError
from ..remote import local_copy
from ..sniff import FileKind
from .entries import LabelNames
from .files import entries_of_json, read_names
from .nifti import names_in_nifti
from .totalsegmentator import TABLES, known_names

DATASET = "dataset.json"
_FOLDERS = ("labels", "gt_segmentations")
"""How folders begin that hold label maps in nnU-Net's layout, one below its dataset.json."""
_NNUNET = {"channel_names", "modality", "file_ending", "numTraining", "tensorImageSize"}


def names_for(asked: str | Path | None, mask: Path, kind: FileKind, values: set[int]) -> LabelNames | None:
    """Names for the values of the label map `mask`.

    asked: a file, or the word of a known tool; None looks into the file and for nnU-Net's dataset.json, and takes
    what names any of the values. Raises ImageError for a file that cannot be used.
    """
    if asked is not None:
        known = known_names(str(asked))
        if known is not None:
            return known
        path = local_copy(Path(asked).expanduser())
        if not path.exists():
            raise ImageError(f"There is no file {path} with names; known words are {', '.join(TABLES)}.")
        return read_names(path)
    inside = names_in_nifti(mask) if kind is FileKind.NIFTI else None
    for found in (inside, _beside(mask)):
        if found is not None and found.covers(values):
            return found
    return None


def _beside(mask: Path) -> LabelNames | None:
    """The dataset.json that nnU-Net puts beside predictions and above the folders of its data."""
    folders = [mask.parent]
    if mask.absolute().parent.name.startswith(_FOLDERS):
        folders.append(mask.absolute().parent.parent)
    for folder in folders:
        path = folder / DATASET
        try:
            document = json.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError):
            continue
        if isinstance(document, dict) and _NNUNET & set(document):
            entries = tuple(e for e in entries_of_json({"labels": document.get("labels")}) if any(e.values))
            if entries:
                return LabelNames(entries, path.name)
    return None
