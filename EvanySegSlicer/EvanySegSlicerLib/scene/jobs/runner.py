"""Long work off the main thread: start, cancel, progress, finished or failed.

The worker gets plain arrays and callables and touches neither MRML, VTK nor Qt. Everything that a job tells its owner
is called on the main thread, through the executor's injected `post`. Two executors: a manual one (tests, scripts) and
one persistent thread (one per device, so that a GPU and a CPU job do not wait for each other).
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, Protocol, TypeVar

from evanyseg.errors import CancelledError

Result = TypeVar("Result")
Callback = Callable[[], None]
Post = Callable[[Callback], None]
"""Called from any thread; runs its argument later on the main thread, in order."""


class JobState(str, Enum):
    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Executor(Protocol):
    """Where jobs run, one after the other."""

    def submit(self, run: Callback) -> None: ...

    @property
    def post(self) -> Post: ...


@dataclass
class JobContext:
    """What the work function is given. Its methods are called on the worker."""

    _job: Job

    def should_cancel(self) -> bool:
        return self._job.cancel_requested

    def progress(self, fraction: float, what: str) -> None:
        """Fraction in [0, 1]; only the newest one waiting is delivered."""
        self._job._tell_progress(fraction, what)


@dataclass
class Job(Generic[Result]):
    """One piece of work and its owner's callbacks, which are all called on the main thread.

    work(context) runs on the worker and returns what `on_finished` gets. Exactly one of on_finished, on_failed and
    on_cancelled is called, last; after `cancel()` no result arrives any more.
    """

    title: str
    work: Callable[[JobContext], Result]
    on_finished: Callable[[Result], None] = lambda result: None
    on_failed: Callable[[Exception], None] = lambda error: None
    on_cancelled: Callback = lambda: None
    on_progress: Callable[[float, str], None] = lambda fraction, what: None
    state: JobState = JobState.WAITING
    _cancel: threading.Event = field(default_factory=threading.Event, repr=False)
    _progress: tuple[float, str] | None = field(default=None, repr=False)
    _executor: Executor | None = field(default=None, repr=False)
    _on_end: Callback = field(default=lambda: None, repr=False)

    @property
    def cancel_requested(self) -> bool:
        return self._cancel.is_set()

    @property
    def done(self) -> bool:
        return self.state in (JobState.FINISHED, JobState.FAILED, JobState.CANCELLED)

    def start(self, executor: Executor) -> Job:
        """Queue it; a job is started once. Raises RuntimeError the second time."""
        if self._executor is not None:
            raise RuntimeError(f"Job '{self.title}' was already started.")
        self._executor = executor
        executor.submit(self._run)
        return self

    def cancel(self) -> None:
        """Ask it to stop; nothing that arrives later is delivered. Safe at any time, any number of times."""
        self._cancel.set()

    # on the worker
    def _run(self) -> None:
        assert self._executor is not None
        post = self._executor.post
        if self.cancel_requested:
            post(lambda: self._end(JobState.CANCELLED, self.on_cancelled))
            return
        self.state = JobState.RUNNING
        try:
            result = self.work(JobContext(self))
        except CancelledError:
            post(lambda: self._end(JobState.CANCELLED, self.on_cancelled))
        except Exception as error:  # whatever it is, the owner must hear of it on the main thread
            failure = error
            post(lambda: self._end(JobState.FAILED, lambda: self.on_failed(failure)))
        else:
            post(lambda: self._end(JobState.FINISHED, lambda: self.on_finished(result)))

    def _tell_progress(self, fraction: float, what: str) -> None:
        assert self._executor is not None
        first = self._progress is None
        self._progress = (fraction, what)
        if first:
            self._executor.post(self._deliver_progress)

    # on the main thread
    def _deliver_progress(self) -> None:
        told, self._progress = self._progress, None
        if told is not None and not self.cancel_requested:
            self.on_progress(*told)

    def _end(self, state: JobState, tell: Callback) -> None:
        cancelled = self.cancel_requested
        self.state = JobState.CANCELLED if cancelled else state
        self._on_end()
        (self.on_cancelled if cancelled else tell)()


class MainQueue:
    """Callbacks on their way to the main thread. The main thread calls `wait` and `drain`, from a timer in desktop."""

    def __init__(self) -> None:
        self._waiting: deque[Callback] = deque()
        self._something = threading.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def post(self, callback: Callback) -> None:
        self._waiting.append(callback)
        self._something.set()

    def wait(self, seconds: float) -> bool:
        """Sleep until something is posted or the time is over. Lets go of the GIL: this is what makes workers run
        under desktop Slicer's event loop, which otherwise keeps it."""
        return self._something.wait(seconds)

    def drain(self, budget_s: float = 0.02) -> int:
        """Run what is waiting, for about `budget_s`; returns how many ran. An exception of a callback is logged and
        does not keep the others from running."""
        end = time.perf_counter() + budget_s
        count = 0
        while self._waiting and (count == 0 or time.perf_counter() < end):
            callback = self._waiting.popleft()
            count += 1
            try:
                callback()
            except Exception:
                logging.getLogger("evanyseg").exception("A job's callback failed")
        if not self._waiting:
            self._something.clear()
            if self._waiting:  # posted in between
                self._something.set()
        return count


class ManualExecutor:
    """Runs nothing until told to: `run_next()`, `run_all()`. Posts are delivered at once, or by `post` if given."""

    def __init__(self, post: Post | None = None) -> None:
        self.waiting: deque[Callback] = deque()
        self.post: Post = post or (lambda callback: callback())

    def submit(self, run: Callback) -> None:
        self.waiting.append(run)

    def run_next(self) -> bool:
        if not self.waiting:
            return False
        self.waiting.popleft()()
        return True

    def run_all(self) -> None:
        while self.run_next():
            pass


class ThreadExecutor:
    """One persistent daemon thread, made on first use."""

    def __init__(self, post: Post, name: str = "evanyseg-worker") -> None:
        self.post: Post = post
        self.name = name
        self._work: queue.SimpleQueue[Callback | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def submit(self, run: Callback) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop, name=self.name, daemon=True)
            self._thread.start()
        self._work.put(run)

    def _loop(self) -> None:
        while (run := self._work.get()) is not None:
            run()

    @property
    def alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def shutdown(self, wait_s: float = 0.0) -> None:
        """Let the thread end after the work already queued; wait at most `wait_s` for it."""
        if self._thread is not None:
            self._work.put(None)
            self._thread.join(wait_s)
            self._thread = None


class JobRunner:
    """Starts jobs on the executor of their device and knows which are on their way."""

    def __init__(self, executor_for: Callable[[str], Executor], on_activity: Callable[[bool], None] | None = None):
        """executor_for(device); on_activity(True) when the first job starts, (False) when the last has ended."""
        self._executor_for = executor_for
        self.on_activity = on_activity or (lambda active: None)
        self.jobs: list[Job] = []

    @property
    def active(self) -> bool:
        return bool(self.jobs)

    def run(self, job: Job, device: str = "cpu") -> Job:
        self.jobs.append(job)
        job._on_end = lambda: self._ended(job)
        if len(self.jobs) == 1:
            self.on_activity(True)
        return job.start(self._executor_for(device))

    def beside(self) -> JobRunner:
        """Another one on the same executors, whose jobs this one does not count and does not cancel."""
        return JobRunner(self._executor_for)

    def cancel_all(self) -> None:
        for job in self.jobs:
            job.cancel()

    def _ended(self, job: Job) -> None:
        self.jobs.remove(job)
        if not self.jobs:
            self.on_activity(False)


class DeviceThreads:
    """One ThreadExecutor per device; give `for_device` to a JobRunner."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._threads: dict[str, ThreadExecutor] = {}

    def for_device(self, device: str) -> ThreadExecutor:
        if device not in self._threads:
            self._threads[device] = ThreadExecutor(self._post, f"evanyseg-{device}")
        return self._threads[device]

    def shutdown(self, wait_s: float = 0.0) -> None:
        for thread in self._threads.values():
            thread.shutdown(wait_s)
        self._threads = {}
