"""Bringing files that the user already has: recognised, then copied under the name the cache knows them by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import EvanySegError, UnknownModelError, WeightsError
from ..models.catalogue import CATALOGUE, WeightFile
from ..models.recognise import LABELS_NAME, Recognised, recognise
from ..protocols import Progress, ShouldCancel, never_cancel, no_progress, raise_if_cancelled
from .store import WeightStore, mismatch_note

SUFFIXES = {".pth", ".pt", ".safetensors", ".bin", ".ckpt", ".pkl"}
SAME_KEYS = ({"sam-vit-b", "medsam", "medsam-point"},)
"""Models whose files cannot be told apart by content: the user's word counts."""


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
    find: Callable[[Path], Recognised] = recognise,
) -> Imported:
    """Copy a weight file into the store. `as_name` settles what the content cannot tell.

    Raises WeightsError (unreadable, unsafe, or another model than `as_name`), UnknownModelError, OutputError.
    """
    source = source.expanduser()
    if as_name is not None and as_name not in CATALOGUE:
        raise UnknownModelError(f"'{as_name}' is no weight file that is kept here; known: {', '.join(CATALOGUE)}.")
    found = find(source)
    name, note = found.name, found.assumed
    if as_name is not None and as_name != found.name:
        if not any({as_name, found.name} <= group for group in SAME_KEYS):
            raise WeightsError(f"{source.name} holds the weights of {found.name}, not of {as_name}.")
        name, note = as_name, ""
    elif as_name is not None:
        note = ""
    if name not in CATALOGUE:
        raise WeightsError(
            f"{source.name} ({name}) has no place in the weights folder; give its path where you use it."
        )
    entry = CATALOGUE[name]
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


__all__ = ["LABELS_NAME", "Imported", "import_file", "import_folder"]
