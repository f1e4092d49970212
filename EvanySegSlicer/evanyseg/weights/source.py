"""Where a model's weight file is: the one given, or the one of that name in the cache."""

from __future__ import annotations

from pathlib import Path

from ..errors import WeightsError
from .files import WeightFile
from .store import WeightStore


def weight_file(entry: WeightFile, path: Path | None, store: WeightStore | None = None) -> Path:
    """The local file of `entry`: `path` where given, else the downloaded or imported one.

    Raises WeightsError with what to do when it is not there; logs a warning when it changed since it was stored.
    """
    if path is not None:
        return path
    store = store or WeightStore.default()
    if not store.has(entry):
        how = f"`evanyseg models download {entry.name}`" if entry.url else f"get it from {entry.page}"
        raise WeightsError(
            f"The weights of {entry.title} are not on this computer: {how}, or bring the file with "
            f"`evanyseg models import FILE --as {entry.name}`."
        )
    return store.checked(entry)
