"""Readers turn data folders into `Record`s, one per (image, label) and one more per stored prediction of it.

They only list files; `prepare` opens them. Each reader is a function (root, **options) -> iterator of records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

from evanyseg import plugins

from ...errors import OptionError
from .record import Record

__all__ = ["READERS", "Record", "read"]

READERS = {
    "index": ("tables", "read_index"),
    "csv": ("tables", "read_csv"),
    "pairs": ("folder_pairs", "read_folder_pairs"),
    "sa-med2d": ("sa_med2d", "read_sa_med2d"),
    "decathlon": ("decathlon", "read_decathlon"),
}

GROUP = "evanyseg.readers"
"""Entry points of this group are readers that other packages add."""


def read(kind: str, root: Path, **options: object) -> Iterator[Record]:
    """Records of the data at `root`. Raises OptionError for an unknown kind, DataError for data that lack something."""
    if kind in READERS:
        module, name = READERS[kind]
        reader: Callable[..., Iterator[Record]] = getattr(import_module(f".{module}", __name__), name)
        return reader(Path(root), **options)
    others = plugins.added(GROUP)
    if kind not in others:
        raise OptionError(f"Unknown reader '{kind}'; choose one of {', '.join([*READERS, *others])}.")
    found: Iterator[Record] = others[kind](Path(root), **options)
    return found
