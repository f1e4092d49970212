"""Fetching weight files from a panel: what is missing, what is agreed to, and how far it is. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from evanyseg.errors import EvanySegError
from evanyseg.weights.download import address, download
from evanyseg.weights.files import WeightFile
from evanyseg.weights.licenses import consent_text
from evanyseg.weights.settings import DownloadSettings
from evanyseg.weights.store import WeightStore

from ...scene.jobs.runner import Job, JobContext
from ..review_controller import ReviewController

THREAD = "downloads"
"""Its own: boxes are drawn meanwhile, and cancelling one of them does not end a download."""


class DownloadsPresenter:
    """One file at a time. `fetching`: what is on its way, `fraction` and `what`: how far; `changed()`: one of the three
    is another one now. Nothing is fetched before `fetch` is called: only when `question` was agreed to."""

    def __init__(
        self, controller: ReviewController, store: WeightStore | None = None, settings: DownloadSettings | None = None
    ) -> None:
        """settings: None for those of the environment."""
        self.controller = controller
        self.store = store or WeightStore.default()
        self._settings = settings
        self._runner = controller.runner.beside()
        self.fetching: WeightFile | None = None
        self.fraction, self.what = 0.0, ""
        self.changed: Callable[[], None] = lambda: None

    def absent(self) -> list[WeightFile]:
        """Files that are not here, of models that could be used if they were."""
        return self.controller.models.absent(self.store)

    def question(self, name: str) -> str:
        """What is to be agreed to: file, size, address, folder, licence, citation. '' when it was said why it cannot be
        fetched."""
        entry = next((entry for entry in self.absent() if entry.name == name), None)
        if entry is None:
            return ""
        try:
            return consent_text(entry, address(entry, self._current()), str(self.store.folder))
        except EvanySegError as error:
            self.controller.view.status(str(error), problem=True)
            return ""

    def fetch(self, name: str) -> None:
        """It was agreed to: begin, or go on where an earlier download stopped."""
        entry = next((entry for entry in self.absent() if entry.name == name), None)
        if entry is None or self.fetching is not None:
            return
        settings = self._current()

        def work(context: JobContext) -> Path:
            agreed = lambda file, url: True
            return download(entry, self.store, agreed, settings, context.progress, context.should_cancel)

        def done(path: Path) -> None:
            self._end()
            self.controller.forget_models()
            self.controller.view.status(f"{entry.title} is ready to use.")

        def failed(error: Exception) -> None:
            self._end()
            self.controller.jobs.report(error)

        def cancelled() -> None:
            self._end()
            self.controller.view.status(f"The download of {entry.title} was stopped; what arrived is kept.")

        self.fetching = entry
        self._on_progress(0.0, f"{entry.filename}...")
        self._runner.run(Job(f"Downloading {entry.title}", work, done, failed, cancelled, self._on_progress), THREAD)

    def cancel(self) -> None:
        self._runner.cancel_all()

    def _current(self) -> DownloadSettings:
        return self._settings or DownloadSettings.from_environment()

    def _on_progress(self, fraction: float, what: str) -> None:
        self.fraction, self.what = fraction, what
        self.changed()

    def _end(self) -> None:
        self.fetching, self.fraction, self.what = None, 0.0, ""
        self.changed()
