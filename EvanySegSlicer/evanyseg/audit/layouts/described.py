"""nnU-Net and the Medical Decathlon both describe a data set in `dataset.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import ImageError

FILE = "dataset.json"
ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha", ".png", ".tif", ".tiff", ".bmp")


@dataclass(frozen=True)
class Description:
    """The parsed file. lists_cases: it names pairs of files itself (Medical Decathlon)."""

    content: dict[str, Any]

    @property
    def lists_cases(self) -> bool:
        listed = self.content.get("training")
        return isinstance(listed, list) and bool(listed) and isinstance(listed[0], dict)

    def names_in(self, folder: Path) -> Path | None:
        """The file itself where it says what label values are called."""
        return folder / FILE if self.content.get("labels") else None


def description_of(folder: Path) -> Description | None:
    """None where there is none. Raises ImageError for one that cannot be read."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ImageError(f"{path} cannot be read as JSON: {error}.") from None
    if not isinstance(content, dict):
        raise ImageError(f"{path} is not the description of a data set.")
    return Description(content)


def ending_of(path: Path) -> str:
    """'' for files that are no images."""
    return next((ending for ending in ENDINGS if path.name.lower().endswith(ending)), "")


def images_in(folder: Path) -> dict[str, Path]:
    """Image files of a folder by their name without ending; hidden ones are left out."""
    if not folder.is_dir():
        return {}
    files = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".") and ending_of(p))
    return {path.name[: -len(ending_of(path))]: path for path in files}
