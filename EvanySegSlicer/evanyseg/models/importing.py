"""Bringing files that the user already has: recognised, then copied under the name the cache knows them by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import EvanySegError, UnknownModelError, WeightsError
from ..protocols import Progress, ShouldCancel, never_cancel, no_progress, raise_if_cancelled
from ..weights.files import WeightFile
from ..weights.store import WeightStore, mismatch_note
from . import specs_by_kind, weight_files
from .recognize import Recognized, recognize

SUFFIXES = {".pth", ".pt", ".safetensors", ".bin", ".ckpt", ".pkl"}


@dataclass(frozen=True)
class Imported:
    """One file that was brought in; `note`: what was assumed, or what is odd about it, '' if nothing."""

    entry: WeightFile
    path: Path
    note: str


def import_file(
    source: Path,
    store: WeightStore,
    as_name: str | None = None,
    progress: Progress = no_progress,
    should_cancel: ShouldCancel = never_cancel,
    find: Callable[[Path], Recognized] | None = None,
) -> Imported:
    """Copy a weight file into the store. `as_name` settles what the content cannot tell.

    Raises WeightsError (unreadable, unsafe, or another model than `as_name`), UnknownModelError, OutputError.
    """
    source, known = source.expanduser(), weight_files()
    if as_name is not None and as_name not in known:
        raise UnknownModelError(f"'{as_name}' is no weight file that is kept here; known: {', '.join(known)}.")
    found = find(source) if find is not None else recognize(source, specs_by_kind())
    name, note = found.name, found.assumed
    if as_name is not None and as_name != found.name:
        if as_name not in found.alternatives:
            raise WeightsError(f"{source.name} holds the weights of {found.name}, not of {as_name}.")
        name, note = as_name, ""
    elif as_name is not None:
        note = ""
    if name not in known:
        raise WeightsError(
            f"{source.name} ({name}) has no place in the weights folder; give its path where you use it."
        )
    entry = known[name]
    path = store.copy_in(source, entry, progress, should_cancel)
    digest = store.record(entry).get("sha256", "")
    if entry.sha256 and digest != entry.sha256:
        note = "; ".join(n for n in (note, mismatch_note(entry, str(digest))) if n)
    return Imported(entry, path, note)


def import_folder(
    folder: Path,
    store: WeightStore,
    progress: Progress = no_progress,
    should_cancel: ShouldCancel = never_cancel,
) -> list[tuple[Path, Imported | EvanySegError]]:
    """Every weight file of a folder (not of its sub-folders), in order; a bad one does not stop the others."""
    results: list[tuple[Path, Imported | EvanySegError]] = []
    for path in sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in SUFFIXES):
        raise_if_cancelled(should_cancel)
        try:
            results.append((path, import_file(path, store, None, progress, should_cancel)))
        except (UnknownModelError, WeightsError) as error:
            results.append((path, error))
    return results
