"""Writing to an address: a file appears there whole, or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path

from ...errors import OutputError
from .address import address, store_of

AT_ONCE = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory")
"""Stores in which an object appears when its upload is complete; in others it is renamed into place."""


def check_upload(found: str) -> None:
    """Raises EvanySegError, MissingPackageError for an address that nothing can be written to."""
    store_of(found)


def upload(files: Sequence[Path], path: Path) -> None:
    """The last of `files` to the address `path`, the others beside it under their own names. Raises OutputError."""
    found = address(path)
    assert found is not None
    fs, target = store_of(found)
    folder = target.rpartition("/")[0]
    try:
        if folder:
            fs.makedirs(folder, exist_ok=True)
        for file in files:
            place = target if file == files[-1] else f"{folder}/{file.name}"
            if found.partition("://")[0] in AT_ONCE:
                fs.put_file(str(file), place)
                continue
            part = f"{folder}/.{file.name}.{uuid.uuid4().hex[:8]}.part"
            fs.put_file(str(file), part)
            fs.mv(part, place)
    except Exception as error:  # stores have errors of their own
        raise OutputError(f"{found} cannot be written ({error or type(error).__name__}).") from error
