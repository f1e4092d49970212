"""What the page gives away: table, report, segmentation, scene, as downloads made in a temporary folder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from evanyseg.errors import EvanySegError
from evanyseg.io.scratch import EXPORT, scratch_folder

from ...presenters.exchange.dicom_export import gathered
from ...presenters.reviewing import ReviewingPresenter
from ...scene.headless.scene_files import save_mrb, save_segmentation
from .beside import beside

NAMES = {
    "table": "evanyseg-review.csv",
    "report": "evanyseg-review.html",
    "segmentation": "segmentation.seg.nrrd",
    "dicom": "segmentation.dcm",
    "scene": "evanyseg.mrb",
}
"""What can be asked for -> the file's name."""


class Exports:
    """GET /export/KIND, and saving the session's own file."""

    def __init__(
        self,
        reviewing: ReviewingPresenter,
        source: Callable[[], Path | None],
        say: Callable[[str, bool], None],
        session: Path | None = None,
    ) -> None:
        """source: the DICOM series that the open volume came from, if it did; session: the scene named at start."""
        self.reviewing, self.source, self.say, self.session = reviewing, source, say, session
        self._saving = asyncio.Lock()

    def install(self, app: web.Application) -> None:
        app.router.add_get("/export/{kind}", self._give)

    async def _give(self, request: web.Request) -> web.Response:
        kind = request.match_info["kind"]
        if kind not in NAMES:
            raise web.HTTPNotFound(text="There is no such export.")
        with scratch_folder(EXPORT) as folder:
            path = Path(folder) / NAMES[kind]
            try:
                self.say(f"Writing {path.name}...", False)
                await beside(lambda: self.write(kind, path), path.with_name("problem.txt"))
                body = await asyncio.to_thread(path.read_bytes)
            except EvanySegError as error:
                self.say(str(error), True)
                raise web.HTTPConflict(text=str(error)) from error
        self.say(f"{NAMES[kind]} was made.", False)
        headers = {"Content-Disposition": f'attachment; filename="{NAMES[kind]}"'}
        return web.Response(body=body, content_type="application/octet-stream", headers=headers)

    async def save(self) -> None:
        """The scene into the file that was named at start, which changes whole or not at all. Raises EvanySegError."""
        path = self.session
        if path is None:
            raise EvanySegError("No scene was named at start (--session): export it as .mrb.")
        if self._saving.locked():
            return  # once is enough
        async with self._saving:
            self.say(f"Saving {path.name}...", False)
            with scratch_folder(EXPORT) as folder:
                await beside(lambda: self.write("scene", path), Path(folder) / "problem.txt")
            self.say(f"{path.name} was saved.", False)

    def write(self, kind: str, path: Path) -> None:
        """Write it as the scene is now. Raises EvanySegError."""
        review = self.reviewing.controller.usable
        if review is None:
            raise EvanySegError("There is nothing to export yet: open a volume and draw a box first.")
        if kind == "table":
            self.reviewing.export_csv(path)
        elif kind == "report":
            self.reviewing.export_html(path)
        elif kind == "segmentation":
            save_segmentation(review.segmentation, path)
        elif kind == "dicom":
            gathered(review, self.source(), path.parent).write(path)
        else:
            save_mrb(review.volume.GetScene(), path)
