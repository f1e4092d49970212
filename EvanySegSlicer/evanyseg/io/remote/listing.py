"""What lies in a folder of a store, by name alone."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from ...errors import ImageError
from .address import address, store_of


def is_remote_folder(path: Path) -> bool:
    """Of an address; False for paths of this machine. Raises ImageError, EvanySegError, MissingPackageError."""
    found = address(path)
    if found is None:
        return False
    fs, root = store_of(found)
    try:
        return bool(fs.isdir(root))
    except Exception as error:  # stores have errors of their own
        raise ImageError(f"{found} cannot be read ({error or type(error).__name__}).") from error


def names_below(found: str) -> list[PurePosixPath]:
    """The files at and below an address, relative to it, in order. Raises as `is_remote_folder` does."""
    fs, root = store_of(found)
    try:
        names = [PurePosixPath(name).relative_to(PurePosixPath(root)) for name in sorted(fs.find(root))]
    except Exception as error:  # as above
        raise ImageError(f"{found} cannot be read ({error or type(error).__name__}).") from error
    if any(".." in name.parts for name in names):
        raise ImageError(f"{found} holds names that lead out of it.")
    return names
