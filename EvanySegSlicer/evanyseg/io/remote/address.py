"""What is an address and not a path."""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

from ...errors import EvanySegError, MissingPackageError

STORES = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "hdfs", "sftp", "ssh", "smb", "memory")
"""Kinds of stores that are read and written."""
FILE = "file"
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)", re.DOTALL)
_DRIVE = re.compile(r"[A-Za-z]:")


def address(path: Path | str) -> str | None:
    """`s3://bucket/name` of a path that is one, else None: so for files of this machine, also those that are named
    file:///..., and for a folder that is really called so."""
    found = _parts(path)
    return None if found is None or found[0] == FILE else f"{found[0]}://{found[1]}"


def plain(path: Path) -> Path:
    """The path that file:///... names; every other path and address as it is."""
    found = _parts(path)
    if found is None or found[0] != FILE:
        return path
    return Path(found[1] if _DRIVE.match(found[1]) else f"/{found[1]}")


def joined(folder: Path, cell: str) -> Path:
    """What a cell of a table in `folder` names: an address or a path of its own, or one below the folder.

    Where nothing is called so: with ~ for the home folder, as Windows writes it (backslashes), or with umlauts as the
    other systems compose them, if that is there.
    """
    if _parts(cell) is not None:
        return Path(cell)
    path = folder / cell
    return path if is_there(path) else next((p for p in _spelled(folder, cell) if is_there(p)), path)


def is_there(path: Path) -> bool:
    """Whether there is something; also asked of names that no system allows (too long, with a zero byte)."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _spelled(folder: Path, cell: str) -> Iterator[Path]:
    for slashes in (cell, cell.replace("\\", "/")):
        for form in ("NFC", "NFD"):
            name = unicodedata.normalize(form, slashes)
            yield folder / name
            with contextlib.suppress(RuntimeError):  # nobody is called ~name
                yield folder / Path(name).expanduser()


def whole(path: Path) -> Path:
    """As it is called from any folder."""
    return path if _parts(path) is not None else path.absolute()


def shown(path: Path) -> str:
    """As the user writes it."""
    return address(path) or str(plain(path))


def store_of(found: str) -> tuple[Any, str]:
    """The fsspec file system of an address, and the path in it.

    Raises EvanySegError for a kind that is not read here, MissingPackageError.
    """
    kind = found.partition("://")[0]
    if kind in ("http", "https"):
        raise EvanySegError(f"{found} is not fetched: nothing is taken from the web. Download it, and give the file.")
    if kind not in STORES or "::" in found:
        known = ", ".join(f"{name}://" for name in (FILE, *STORES))
        raise EvanySegError(f"{found} is of no kind that is known here; known are {known}.")
    try:
        import fsspec
    except ImportError as error:
        raise MissingPackageError(
            f"{kind}:// addresses need fsspec, which is not installed", "pip install 'evanyseg-slicer[cluster]'"
        ) from error
    try:
        fs, path = fsspec.core.url_to_fs(found)
    except ImportError as error:  # fsspec says which package
        raise MissingPackageError(f"{kind}:// addresses need another package", str(error)) from error
    except Exception as error:  # stores have errors of their own: no such host, no credentials
        raise EvanySegError(f"{found} cannot be reached ({error or type(error).__name__}).") from error
    return fs, path


def _parts(path: Path | str) -> tuple[str, str] | None:
    text = path.as_posix() if isinstance(path, PurePath) else path
    found = _ADDRESS.fullmatch(text)
    if found is None or Path(f"{found[1]}:").exists():
        return None
    return found[1].lower(), found[2]
