"""A folder of predicted masks for each checkpoint: any framework's output, one file an image, named as the image is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..audit.layouts.described import ending_of, images_in
from ..audit.layouts.nnunet import FIRST_CHANNEL
from ..errors import ImageError


@dataclass(frozen=True)
class Checkpoint:
    """name: as it is shown; files: masks by the name of the file without its ending."""

    name: str
    folder: Path
    files: dict[str, Path]

    def mask_of(self, *names: str) -> Path | None:
        """The file named as one of the names (file names without ending) is."""
        return next((self.files[name] for name in names if name in self.files), None)


def checkpoints_in(folders: Sequence[Path]) -> list[Checkpoint]:
    """Each folder that holds masks is a checkpoint; a single folder of folders stands for those, in natural order of
    their names. Raises ImageError for one without masks, and for the same folder twice."""
    if len(folders) == 1 and folders[0].is_dir() and not images_in(folders[0]):
        folders = sorted((p for p in folders[0].iterdir() if p.is_dir() and images_in(p)), key=_natural) or folders
    found = []
    for folder in folders:
        if not folder.is_dir():
            raise ImageError(f"{folder} is no folder: give the folder that a checkpoint's predicted masks are in.")
        files = images_in(folder)
        if not files:
            raise ImageError(
                f"{folder} holds no masks: each checkpoint needs a folder with one predicted mask an image."
            )
        found.append(Checkpoint(folder.name, folder, files))
    places = [one.folder.resolve() for one in found]
    for place in places:
        if places.count(place) > 1:
            raise ImageError(f"{place} is given twice: one checkpoint a folder.")
    if len({one.name for one in found}) < len(found):
        found = [Checkpoint(f"{one.folder.parent.name}/{one.name}", one.folder, one.files) for one in found]
    return found


def names_of(image: Path, truth: Path | None) -> tuple[str, ...]:
    """What a prediction of this image may be called: as the image, without nnU-Net's channel, as the true mask."""
    names = [_stem(image), _stem(image).removesuffix(FIRST_CHANNEL)]
    if truth is not None:
        names.append(_stem(truth))
    return tuple(dict.fromkeys(names))


def _stem(path: Path) -> str:
    ending = ending_of(path)
    return path.name[: -len(ending)] if ending else path.stem


def _natural(path: Path) -> list[tuple[int, str]]:
    """epoch 9 before epoch 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path.name) if part]
