"""Image files can name other files as the place of their voxels: those must lie in the same folder's tree."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ...errors import ImageError
from ..formats.nifti_header import header_of_voxels

_HEAD = 1 << 20
_NRRD = re.compile(rb"^[ \t]*data[ \t]?file[ \t]*:=?[ \t]*(.*)$", re.IGNORECASE | re.MULTILINE)
_META = re.compile(rb"^[ \t]*elementdatafile[ \t]*=[ \t]*(.*)$", re.IGNORECASE | re.MULTILINE)


def check_contained(path: Path, root: Path) -> None:
    """Raises ImageError when `path`, a file or a folder with all below it, leads out of `root` by a link or by naming
    another file. By content: endings lie."""
    root = root.resolve()
    for file in _files(path):
        if not _inside(file, root):
            raise ImageError(f"{file.name} was refused: it is a link out of its folder.")
        for named in _named(file):
            if named.upper().startswith("LIST") or "%" in named:
                raise ImageError(f"{file.name} keeps its voxels in a list of files; save it as one file.")
            if not _inside(file.parent / named, root):
                raise ImageError(f"{file.name} was refused: it keeps its voxels in a file outside its folder.")
        header = header_of_voxels(file)
        if header is not None and not _inside(header, root):
            raise ImageError(f"{file.name} was refused: its header is a link out of its folder.")


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return [Path(folder) / name for folder, below, names in os.walk(path) for name in (*names, *_links(folder, below))]


def _links(folder: str, names: list[str]) -> list[str]:
    """Folders that are links: `os.walk` does not go into them, a reader might."""
    return [name for name in names if Path(folder, name).is_symlink()]


def _inside(path: Path, root: Path) -> bool:
    return path.resolve().is_relative_to(root)


def _named(file: Path) -> list[str]:
    """Files that an NRRD or MetaImage header names."""
    if not file.is_file():
        return []
    with file.open("rb") as source:
        head = source.read(_HEAD)
    if head.startswith(b"NRRD"):
        found = _NRRD.findall(re.split(rb"\r?\n\r?\n", head, maxsplit=1)[0])
    elif b"\0" not in head[:64]:
        found = [name for name in _META.findall(head)[:1] if name.strip().upper() != b"LOCAL"]
    else:
        found = []
    return [name.decode("utf-8", "replace").strip() for name in found]
