"""One folder that was named at the start: what is in it can be listed and opened, and nothing outside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ...errors import ImageError

MOST = 500
"""Entries of a folder that are listed."""


@dataclass(frozen=True)
class Entry:
    """place: from the folder's root, '/' between names."""

    name: str
    place: str
    folder: bool
    size: int


class NamedFolder:
    """root: an existing folder."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def path(self, place: str) -> Path:
        """The file or folder there, links followed. Raises ImageError for what lies outside or is not there."""
        pure = PurePosixPath(place)
        if "\0" in place or "\\" in place or pure.is_absolute() or ".." in pure.parts:
            raise ImageError(f"Only what lies in {self.root.name} can be opened.")
        found = (self.root / pure).resolve()
        if not found.is_relative_to(self.root):
            raise ImageError(f"Only what lies in {self.root.name} can be opened.")
        if not found.exists():
            raise ImageError(f"{self.root.name} holds no {place} (any more).")
        return found

    def entries(self, place: str = "") -> list[Entry]:
        """Folders first, by name; what begins with a dot or leads outside is left out. Raises ImageError."""
        folder = self.path(place)
        if not folder.is_dir():
            raise ImageError(f"{place} is a file, not a folder.")
        found = []
        try:
            for path in folder.iterdir():
                inner = path.resolve()
                if path.name.startswith(".") or not inner.is_relative_to(self.root) or not inner.exists():
                    continue
                below = inner.is_dir()
                size = 0 if below else inner.stat().st_size
                found.append(Entry(path.name, str(PurePosixPath(place) / path.name), below, size))
        except OSError as error:
            raise ImageError(f"{place or self.root.name} cannot be read ({error.strerror}).") from None
        return sorted(found, key=lambda e: (not e.folder, e.name.casefold()))[:MOST]
