"""What somebody handed over: one file, of which is found out what it is, unpacked where it is an archive."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...errors import ImageError
from ..sniff import refuse_other, sniff
from .archive import Limits, member_names, unpack
from .contained import check_contained

ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_CLUTTER = ("__MACOSX/", ".DS_Store", "Thumbs.db")


@dataclass(frozen=True)
class Arrived:
    """`path`: the file or folder that a reader takes; `scene`: it is a Slicer scene (.mrb), which nobody unpacked."""

    path: Path
    name: str
    scene: bool = False


def is_zip(path: Path) -> bool:
    """By content. Raises ImageError when there is no such file."""
    try:
        with path.open("rb") as file:
            return file.read(4) in ZIP
    except OSError as error:
        raise ImageError(f"{path.name} cannot be opened ({error.strerror or error}).") from None


def arrived(
    path: Path, folder: Path, name: str = "", root: Path | None = None, limits: Limits | None = None
) -> Arrived:
    """`path` made ready for a reader: an archive of one image or of a DICOM series is unpacked into `folder` (made
    here); a scene is left packed, for the scene layer checks it.

    name: what the user calls it; root: where the file may refer to, its own folder by default.
    Raises ImageError for what is not safe or of no kind that is read.
    """
    name = name or path.name
    if path.is_dir():
        check_contained(path, root or path)
        return Arrived(path, name)
    if not is_zip(path):
        refuse_other(path, sniff(path))
        check_contained(path, root or path.parent)
        return Arrived(path, name)
    if any(member.lower().endswith(".mrml") for member in member_names(path)):
        return Arrived(path, name, scene=True)
    folder.mkdir(parents=True)
    unpack(path, folder, limits)
    check_contained(folder, folder)
    files = [p for p in folder.rglob("*") if p.is_file() and not _is_clutter(p.relative_to(folder))]
    if not files:
        raise ImageError(f"{name} holds no file.")
    return Arrived(files[0] if len(files) == 1 else folder, name)


def _is_clutter(path: Path) -> bool:
    """What systems add to archives by themselves."""
    return path.as_posix().startswith(_CLUTTER[0]) or path.name in _CLUTTER[1:]
