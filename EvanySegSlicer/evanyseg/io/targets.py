"""What stands where a result shall go: nothing, a file, or something special that must not be replaced by a file."""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

from ..errors import OutputError
from .remote.address import address, plain
from .remote.upload import check_upload

STDOUT = Path("-")
"""The usual word for standard output."""

_DESCRIPTOR = re.compile(r"/dev/(?:fd/(\d+)|(stdin|stdout|stderr))|/proc/(?:self|\d+)/fd/(\d+)")
_STREAMS = {"stdin": 0, "stdout": 1, "stderr": 2}
_SPECIAL = (
    (stat.S_ISBLK, "a disk device"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISDIR, "a folder"),
)


def descriptor_of(path: Path) -> int | None:
    """The open file that a path names (`-`, `/dev/stdout`, `/dev/fd/63`); None for every other path."""
    if path == STDOUT:
        return 1
    found = _DESCRIPTOR.fullmatch(str(path))
    if found is None:
        return None
    number, word, other = found.groups()
    return _STREAMS[word] if word else int(number or other)


def is_special(path: Path) -> bool:
    """A pipe, a terminal or another device: written into, never replaced."""
    if descriptor_of(path) is not None:
        return True
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def on_stdout(paths: Iterable[Path | None]) -> bool:
    """Whether a result goes to standard output, so that tables for people must go elsewhere."""
    return any(p is not None and descriptor_of(p) == 1 for p in paths)


def real_path(path: Path) -> Path:
    """Where a file is really written: a symbolic link stays and its target is replaced."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def check_writable(path: Path) -> None:
    """Raises OutputError when nothing can be written there: before any work is done.

    Nothing is left behind: missing folders are made when the result is.
    """
    if (found := address(path)) is not None:
        check_upload(found)
        return
    path = plain(path)
    if is_special(path):
        return
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = 0
    except (OSError, ValueError) as error:
        raise OutputError(f"{path} cannot be written ({getattr(error, 'strerror', None) or error}).") from error
    for test, what in _SPECIAL:
        if test(mode):
            raise OutputError(f"{path} is {what}; give a file.")
    if mode and not os.access(path, os.W_OK):
        raise OutputError(f"{path} is write-protected; give another name.")
    folder = real_path(path).absolute().parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        raise OutputError(f"{path} cannot be written: {folder} is no folder.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{path} cannot be written: the folder {folder} is write-protected; give another one.")


def pour(source: Path, path: Path) -> None:
    """Copy a file into a special one. Raises OSError."""
    number = descriptor_of(path)
    target = os.fdopen(os.dup(number), "wb") if number is not None else path.open("wb")
    with source.open("rb") as file, target:
        shutil.copyfileobj(file, target)


def sentence(path: Path, error: OSError) -> OutputError:
    """An error of the system in words, with what became of an older file."""
    if isinstance(error, OutputError):
        return error
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return OutputError(f"The disk is full: {path} was not written and an older one stays as it was.")
    if error.errno == errno.EPIPE:
        return OutputError(f"{path} was closed by the program that reads it; not everything was written.")
    return OutputError(f"{path} cannot be written ({error.strerror or error}).")
