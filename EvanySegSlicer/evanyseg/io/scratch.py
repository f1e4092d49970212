"""Temporary folders that name the process they belong to, so that what a killed one left can be told and removed."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

UPLOAD, EXPORT, SCENE = "upload", "export", "scene"
KINDS = (UPLOAD, EXPORT, SCENE)
"""What is kept in such folders: files that a browser sent, that it gets, parts of a scene. Somebody's images."""


def scratch_folder(kind: str) -> tempfile.TemporaryDirectory[str]:
    """A new empty folder of one of the kinds, which goes with the object."""
    return tempfile.TemporaryDirectory(prefix=f"{_prefix(kind)}{os.getpid()}-")


def remove_orphans(folder: Path) -> None:
    """Somebody's images must not stay behind: folders of processes that were killed (this user's, on POSIX) are
    removed."""
    if os.name != "posix":  # elsewhere nobody can be asked whether a process lives without ending it
        return
    for prefix in map(_prefix, KINDS):
        for left in folder.glob(f"{prefix}*-*"):
            number = left.name.removeprefix(prefix).partition("-")[0]
            try:
                if not number.isdecimal() or left.is_symlink() or left.stat().st_uid != os.getuid():
                    continue
                os.kill(int(number), 0)
            except ProcessLookupError:
                shutil.rmtree(left, ignore_errors=True)
            except (OSError, OverflowError):  # it lives as another user's, or went while we looked
                continue


def _prefix(kind: str) -> str:
    return f"evanyseg-{kind}-"
