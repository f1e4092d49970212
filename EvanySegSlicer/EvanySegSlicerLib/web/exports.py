"""What the page gives away: table, report, segmentation, scene, as downloads made in a temporary folder."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from evanyseg.errors import EvanySegError

from ..presenters.reviewing import ReviewingPresenter
from ..scene.headless.scene_files import save_mrb, save_segmentation

NAMES = {
    "table": "evanyseg-review.csv",
    "report": "evanyseg-review.html",
    "segmentation": "segmentation.seg.nrrd",
    "scene": "evanyseg.mrb",
}
"""What can be asked for -> the file's name."""


class Exports:
    """GET /export/KIND."""

    def __init__(self, reviewing: ReviewingPresenter, say: Callable[[str, bool], None]) -> None:
        self.reviewing, self.say = reviewing, say

    def install(self, app: web.Application) -> None:
        app.router.add_get("/export/{kind}", self._give)

    async def _give(self, request: web.Request) -> web.Response:
        kind = request.match_info["kind"]
        if kind not in NAMES:
            raise web.HTTPNotFound(text="There is no such export.")
        with tempfile.TemporaryDirectory(prefix="evanyseg-export-") as folder:
            path = Path(folder) / NAMES[kind]
            try:
                self.write(kind, path)
            except EvanySegError as error:
                self.say(str(error), True)
                raise web.HTTPConflict(text=str(error)) from error
            body = path.read_bytes()
        self.say(f"{NAMES[kind]} was made.", False)
        headers = {"Content-Disposition": f'attachment; filename="{NAMES[kind]}"'}
        return web.Response(body=body, content_type="application/octet-stream", headers=headers)

    def write(self, kind: str, path: Path) -> None:
        """On the main thread: all of it is read from the scene. Raises EvanySegError."""
        review = self.reviewing.controller.usable
        if review is None:
            raise EvanySegError("There is nothing to export yet: open a volume and draw a box first.")
        if kind == "table":
            self.reviewing.export_csv(path)
        elif kind == "report":
            self.reviewing.export_html(path)
        elif kind == "segmentation":
            save_segmentation(review.segmentation, path)
        else:
            save_mrb(review.volume.GetScene(), path)
