"""Reading through copies on this disk: readers of medical images want files with a name."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections import OrderedDict
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from ...errors import EvanySegError, ImageError
from .address import address, plain, store_of
from .listing import is_remote_folder, names_below

LIMIT = 2**30
"""Bytes of copies that a process keeps, about."""
KEPT = 4
"""Copies that stay in any case: what a row of a table needs at once."""
HALVES = (".mhd", ".nhdr", ".hdr", ".img", ".img.gz")
"""Files whose other half lies beside them under the same name."""


def local_copy(path: Path) -> Path:
    """A file or folder of this machine with what the address holds now; paths as they are.

    Raises ImageError, MissingPackageError; EvanySegError for an address of an unknown kind.
    """
    found = address(path)
    return plain(path) if found is None else _copies().of(found)


def local_file(path: Path) -> Path:
    """As `local_copy`; raises ImageError for the address of a folder."""
    found = address(path)
    if found is not None and is_remote_folder(path):
        raise ImageError(f"{found} is a folder; give a table there, or a folder of this machine.")
    return local_copy(path)


class Copies:
    """Copies by what they are of: the address with what its store says of the content (size, time, checksum). Those
    that were not used for the longest time go first."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self._folder = tempfile.TemporaryDirectory(prefix="evanyseg-copies-")
        self._sizes: OrderedDict[Path, int] = OrderedDict()

    def of(self, found: str) -> Path:
        """See `local_copy`."""
        fs, root = store_of(found)
        try:
            names = _wanted(fs, root, found)
            key = hashlib.sha256("\n".join([found, *(fs.ukey(name) for name in names.values())]).encode()).hexdigest()
            folder = Path(self._folder.name) / key[:32]
            if folder not in self._sizes:
                self._fetch(fs, names, folder)
            self._sizes.move_to_end(folder)
        except FileNotFoundError:
            raise ImageError(f"There is no file {found}.") from None
        except EvanySegError:
            raise
        except Exception as error:  # stores have errors of their own
            raise ImageError(f"{found} cannot be read ({error or type(error).__name__}).") from error
        return folder / PurePosixPath(root).name

    def _fetch(self, fs: Any, names: dict[str, str], folder: Path) -> None:
        part = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        size = 0
        for name, remote in names.items():
            local = part / name
            local.parent.mkdir(parents=True, exist_ok=True)
            fs.get_file(remote, str(local))
            size += local.stat().st_size
        part.rename(folder)
        self._sizes[folder] = size
        while sum(self._sizes.values()) > self.limit and len(self._sizes) > KEPT:
            oldest, _ = self._sizes.popitem(last=False)
            shutil.rmtree(oldest, ignore_errors=True)


@cache
def _copies() -> Copies:
    return Copies()


def _wanted(fs: Any, root: str, found: str) -> dict[str, str]:
    """Files to fetch: names below the copy's folder -> paths in the store. Raises FileNotFoundError, ImageError."""
    place = PurePosixPath(root)
    if fs.isdir(root):
        return {str(place.name / name): str(place / name) for name in names_below(found)}
    stem = next((place.name[: -len(end)] for end in HALVES if place.name.lower().endswith(end)), None)
    if stem is None:
        return {place.name: root}
    fs.info(root)
    beside = (PurePosixPath(name) for name in fs.ls(str(place.parent), detail=False))
    halves = {path.name: str(path) for path in beside if path.name.startswith(f"{stem}.")}
    return {**halves, place.name: root}
