"""Work off the main thread, at most one piece of it for the user at a time; the view hears of it in plain words."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from evanyseg.errors import EvanySegError, MissingPackageError
from evanyseg.geometry.slice_plane import SlicePlane

from ..scene.jobs.runner import Job, JobContext, JobRunner
from .view import Owner, View

Result = TypeVar("Result")


class ForegroundJobs:
    """Starts jobs, tells the view of their progress and end, and reports failures. Quiet work (prefetching) runs
    beside them and is never shown."""

    def __init__(self, runner: JobRunner, view: View) -> None:
        self.runner = runner
        self.view = view
        self.wanted: Callable[[SlicePlane | None], None] = lambda plane: None
        """Told of every job before it starts, and of the slice it is about: prefetching gives way."""
        self.rested: Callable[[], None] = lambda: None
        """Told when nothing runs any more."""
        self.owner: Owner | None = None
        """Who began what is on its way, and hears of it."""
        self._front: Job | None = None

    @property
    def busy(self) -> bool:
        """Whether something that the user asked for is on its way (quiet work, such as prefetching, does not count)."""
        return self._front is not None

    def say(self, text: str, problem: bool = False) -> None:
        """To the view, and to the owner of what is on its way."""
        self.view.status(text, problem)
        if self.owner is not None:
            self.owner.told(text, problem)

    def cancel(self, of: Owner | None = None) -> bool:
        """Ask what runs to stop (`of`: only what this owner began); False when there is nothing of that kind."""
        if not self.busy or (of is not None and self.owner is not of):
            return False
        self.runner.cancel_all()
        self.say("Cancelling...")
        return True

    def start(
        self,
        title: str,
        work: Callable[[JobContext], Result],
        done: Callable[[Result], None],
        device: str,
        quiet: bool = False,
        plane: SlicePlane | None = None,
        dropped: Callable[[Exception | None], None] = lambda failure: None,
    ) -> Job:
        """Run `work(context)` on the device's thread, then `done(result)` on the main thread, or `dropped(failure)`,
        None when it was cancelled. `quiet`: nothing is shown (prefetching). `plane`: the slice it is about, where it is
        about one: prefetching of others gives way."""
        self.wanted(plane)

        def ended() -> None:
            if not quiet:
                self._front = None

        def finished(result: Result) -> None:
            ended()
            done(result)
            self.rest()

        def failed(error: Exception) -> None:
            ended()
            if not quiet:
                self.report(error)
            dropped(error)
            self.rest()

        def cancelled() -> None:
            ended()
            if not quiet:
                self.say("Cancelled; nothing was changed.")
            dropped(None)
            self.rest()

        told = self._progress(title) if not quiet else (lambda fraction, what: None)
        job = Job(title, work, finished, failed, cancelled, told)
        if not quiet:
            self._front = job
            self.view.busy(title, 0.0)
        return self.runner.run(job, device)

    def rest(self) -> None:
        """Tell the view that nothing runs, if so."""
        if not self.busy:
            self.owner = None
            self.view.idle()
            self.rested()

    def report(self, error: Exception) -> None:
        """A failure in words for the status line; what nobody expected also goes to the log."""
        if isinstance(error, MissingPackageError):
            self.view.status(f"{error.what}; press Install.", problem=True)
            return
        if isinstance(error, EvanySegError):
            self.say(str(error), problem=True)
            return
        if isinstance(error, ModuleNotFoundError):
            self.say(f"The Python package '{error.name}' is missing; press Install.", problem=True)
            return
        logging.getLogger("evanyseg").error("A job failed", exc_info=error)
        text = f"{type(error).__name__}: {error}".strip()
        self.say(f"Something went wrong ({text}); the details are in Slicer's log.", problem=True)

    def _progress(self, title: str) -> Callable[[float, str], None]:
        return lambda fraction, what: self.view.busy(what or title, fraction)
