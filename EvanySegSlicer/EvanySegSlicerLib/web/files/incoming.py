"""Files that the browser sends: POST /upload/KIND, streamed into a temporary folder that goes with the server."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from evanyseg.errors import EvanySegError
from evanyseg.io.scratch import UPLOAD, remove_orphans, scratch_folder

IMAGE, MASKS = "image", "masks"
"""What an upload is taken for; a scene (.mrb) is known by its content."""

LARGEST = 2 << 30
"""Bytes of one upload."""

_PLAIN = re.compile(r"[^A-Za-z0-9._ +()-]")


class Incoming:
    """`arrived(kind, path, folder)` is called with a complete file; `folder`, which is not there yet, is where it may
    be unpacked. One upload at a time."""

    def __init__(self, arrived: Callable[[str, Path, Path], None], say: Callable[[str, bool], None]) -> None:
        self.arrived, self.say = arrived, say
        self.largest = LARGEST
        remove_orphans(Path(tempfile.gettempdir()))
        self._root = scratch_folder(UPLOAD)
        self._count, self._busy = 0, False

    def install(self, app: web.Application) -> None:
        app.router.add_post("/upload/{kind}", self._take)

    def close(self) -> None:
        """Everything that was sent goes."""
        self._root.cleanup()

    def next_place(self) -> Path:
        """A new empty folder in the temporary one."""
        self._count += 1
        place = Path(self._root.name) / str(self._count)
        place.mkdir()
        return place

    def keep_only(self, *places: Path) -> None:
        """Remove what earlier uploads left, except the folders in which these lie."""
        for old in Path(self._root.name).iterdir():
            if not any(place.is_relative_to(old) for place in places):
                shutil.rmtree(old, ignore_errors=True)

    async def _take(self, request: web.Request) -> web.Response:
        kind = request.match_info["kind"]
        if kind not in (IMAGE, MASKS):
            raise web.HTTPNotFound(text="There is no such upload.")
        if self._busy:
            raise web.HTTPConflict(text="Another file is on its way.")
        self._busy = True
        place = self.next_place()
        try:
            path = place / safe_name(request.query.get("name", ""))
            await self._store(request, path)
        except EvanySegError as error:
            shutil.rmtree(place, ignore_errors=True)
            self.say(str(error), True)
            raise web.HTTPRequestEntityTooLarge(self.largest, 0, text=str(error)) from error
        except BaseException:  # the connection broke: nothing of it is kept
            shutil.rmtree(place, ignore_errors=True)
            raise
        finally:
            self._busy = False
        self.arrived(kind, path, place / "unpacked")
        return web.json_response({"name": path.name})

    async def _store(self, request: web.Request, path: Path) -> None:
        size = 0
        room = min(self.largest, shutil.disk_usage(path.parent).free // 2)
        if (request.content_length or 0) > room:
            raise _too_large(path, room)
        self.say(f"Receiving {path.name}...", False)
        with path.open("xb") as out:
            async for piece in request.content.iter_chunked(1 << 18):
                size += len(piece)
                if size > room:
                    raise _too_large(path, room)
                out.write(piece)
        if not size:
            raise EvanySegError(f"{path.name} is an empty file.")


def safe_name(given: str) -> str:
    """A file name from a browser as a name in our own folder: its last part, plain characters, not hidden."""
    last = re.split(r"[/\\]", given)[-1]
    plain = _PLAIN.sub("_", last).lstrip(". ")[-120:]
    return plain or "file"


def _too_large(path: Path, room: int) -> EvanySegError:
    return EvanySegError(
        f"{path.name} is too large: at most {room / (1 << 20):.0f} MB are taken; put it on the server and name its "
        "folder at start with --folder."
    )
