"""No command replaces a file that it was given: an output that names an input is refused before any work is done."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ..errors import OutputError
from .remote import address, is_there, joined, plain
from .tables import Table
from .targets import check_writable, descriptor_of
from .write import ending

POINTERS = {".mhd": rb"^\s*ElementDataFile\s*=\s*(.+?)\s*$", ".nhdr": rb"^\s*data ?file\s*:\s*(.+?)\s*$"}
"""Headers that keep their voxels in another file, and the line that names it."""

_PAIRS = {".hdr": (".img", ".img.gz"), ".img": (".hdr", ".hdr.gz"), ".img.gz": (".hdr", ".hdr.gz")}
_WRITTEN_BESIDE = {".mhd": (".raw", ".zraw"), ".nhdr": (".raw", ".raw.gz"), **_PAIRS}


def refuse_overwriting(outputs: Iterable[Path | None], inputs: Iterable[Path | str | None]) -> None:
    """Raises OutputError when an output is one of the inputs, lies inside them, is named twice, or cannot be written.

    Files are compared as the file system knows them, so other spellings, symbolic and hard links count too. An input
    may be a folder (every file below it counts), a header (so do its voxels), or a word that names no file (a model).
    """
    written: dict[Path, Path] = {}
    for path in (plain(Path(p).expanduser()) for p in outputs if p is not None):
        check_writable(path)
        beside = [_stem(path).with_name(_stem(path).name + s) for s in _WRITTEN_BESIDE.get(ending(path), ())]
        for file in (path, *beside):
            if any(_place(file) == _place(other) for other in written):
                raise OutputError(f"{file} is asked for twice, for two different results; give each its own name.")
            written[file] = path
    there = {key: path for file, path in written.items() if (key := _identity(file)) is not None}
    if not there:
        return  # nothing that exists can be replaced: the inputs need not be looked at
    for given in inputs:
        for file in _files_of(given):
            key = _identity(file)
            if key is not None and key in there:
                what = (
                    "the input"
                    if plain(Path(given or "").expanduser()) == file
                    else f"{file}, which belongs to the input"
                )
                raise OutputError(f"{there[key]} would replace {what} {given}; give the result another name.")


def files_in_table(table: Table, columns: Sequence[str]) -> Iterator[Path]:
    """A table and every file that its cells name, relative to it."""
    yield table.path
    for row in table.rows():
        yield from (joined(table.path.parent, row[column].strip()) for column in columns if row[column].strip())


def _files_of(given: Path | str | None) -> Iterator[Path]:
    path = plain(Path(given or "").expanduser())
    if given is not None and address(path) is not None:
        yield path
    if given is None or not path.name or not is_there(path):
        return
    if path.is_dir():
        for folder, _, names in os.walk(path):
            yield from (Path(folder) / name for name in names)
        return
    yield path
    yield from voxels_beside(path)
    suffix = path.suffix.lower()
    if suffix in POINTERS:
        with path.open("rb") as file:
            named = re.search(POINTERS[suffix], file.read(65536), re.MULTILINE | re.IGNORECASE)
        if named:
            yield path.parent / os.fsdecode(named[1])


def voxels_beside(path: Path) -> list[Path]:
    """The other half of a pair of NIfTI files, under every name that it may have."""
    stem = _stem(path)
    return [stem.with_name(stem.name + s) for s in _PAIRS.get(ending(path), ())]


def _stem(path: Path) -> Path:
    end = ending(path)
    return path.with_name(path.name[: len(path.name) - len(end)]) if end else path


def _identity(path: Path) -> tuple[int, int] | str | None:
    """Device and number of the file behind a path, links followed; None when there is none. An address is its own."""
    if (remote := address(path)) is not None:
        return remote
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _place(path: Path) -> str:
    number, found = descriptor_of(path), address(path)
    if number is not None or found is not None:
        return found or f"descriptor {number}"
    return os.path.normcase(os.path.realpath(path))
