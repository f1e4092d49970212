"""From a file that somebody chose (sent by the browser, or in the named folder) to what the page shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path

from evanyseg.errors import EvanySegError
from evanyseg.io.arrivals.arrived import arrived
from evanyseg.io.arrivals.named_folder import NamedFolder

from .incoming import MASKS, Incoming
from .opening import Opener

ONE_FILE = "Another file is being opened; wait until it is there."


class OpenFiles:
    """One file after the other. `do(work)`: run it on the event loop, and say what fails."""

    def __init__(
        self,
        opener: Opener,
        folder: Path | None,
        do: Callable[[Coroutine[object, object, None]], None],
        say: Callable[[str, bool], None],
    ) -> None:
        self.opener, self._do, self._say = opener, do, say
        self.folder = NamedFolder(folder) if folder is not None else None
        self.incoming = Incoming(self._sent, say)
        self._opening = asyncio.Lock()

    def close(self) -> None:
        self.incoming.close()

    def chosen(self, kind: str, place: str) -> None:
        """Something below the named folder."""

        async def work() -> None:
            if self.folder is None:
                raise EvanySegError("No folder was named at start (--folder).")
            path = self.folder.path(place)
            await self._open(kind, path, self.incoming.next_place() / "unpacked", self.folder.root)

        self._do(work())

    def _sent(self, kind: str, path: Path, folder: Path) -> None:
        self._do(self._open(kind, path, folder, path.parent))

    async def _open(self, kind: str, path: Path, folder: Path, root: Path) -> None:
        if self._opening.locked():
            raise EvanySegError(ONE_FILE)
        async with self._opening:
            self._say(f"Opening {path.name}...", False)
            found = await asyncio.to_thread(arrived, path, folder, path.name, root)
            if kind == MASKS:
                if found.scene:
                    raise EvanySegError(f"{path.name} is a scene: open it as a file.")
                count, notes = await self.opener.masks(found.path)
                self._say(f"{count} {'segment' if count == 1 else 'segments'} added: Score the slices.{notes}", False)
            elif found.scene:
                await self.opener.session(found.path)
                self._say(f"{path.name} was opened; the review goes on.", False)
            else:
                notes = await self.opener.volume(found.path, _title(path))
                self._say(f"{path.name} was opened: draw a box.{notes}", False)
            self.incoming.keep_only(*([self.opener.dicom] if self.opener.dicom is not None else []))


def _title(path: Path) -> str:
    """A file's name without what only says its format."""
    name = path.name
    for ending in (".nii.gz", ".seg.nrrd", ".nii", ".nrrd", ".mha", ".mhd", ".zip", ".dcm"):
        if name.lower().endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return name
