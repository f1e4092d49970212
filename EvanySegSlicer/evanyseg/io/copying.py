"""Copying a mask as it is, with the files that belong to it: some formats keep the voxels beside the header."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from ..errors import OutputError
from .overwrite import POINTERS, voxels_beside
from .write import atomic_path, ending


def copy_mask(source: Path, target: Path) -> None:
    """A mask's file under another name; voxels in a file of their own get the same name, and the header names that.

    Raises OutputError for headers that point to several files.
    """
    with atomic_path(target) as part:
        pair = next((p for p in voxels_beside(source) if p.exists()), None)
        if pair is not None:
            shutil.copyfile(source, part)
            shutil.copyfile(pair, part.with_name(_stem(part) + ending(pair)))
            return
        pattern = POINTERS.get(ending(source).removeprefix(".seg"))
        head = source.read_bytes() if pattern else b""
        found = re.search(pattern, head, re.MULTILINE | re.IGNORECASE) if pattern else None
        named = os.fsdecode(found[1]) if found else ""
        if not found or named.upper() == "LOCAL":
            shutil.copyfile(source, part)
            return
        voxels = source.parent / named
        if not voxels.is_file():
            raise OutputError(f"{source.name} keeps its voxels in '{named}', which cannot be copied with it.")
        name = _stem(part) + "".join(Path(named).suffixes[-2:] if named.lower().endswith(".gz") else voxels.suffix)
        shutil.copyfile(voxels, part.with_name(name))
        start, end = found.span(1)
        part.write_bytes(head[:start] + os.fsencode(name) + head[end:])


def _stem(path: Path) -> str:
    return path.name[: -len(ending(path))] if ending(path) else path.name
