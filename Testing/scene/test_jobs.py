"""Jobs: order, cancellation, progress, failures, in both executors. No scene, no Qt."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from evanyseg.errors import CancelledError
from evanyseg.protocols import raise_if_cancelled
from EvanySegSlicerLib.scene.jobs.runner import (
    DeviceThreads,
    Job,
    JobRunner,
    JobState,
    MainQueue,
    ManualExecutor,
    ThreadExecutor,
)


def drain_until(queue: MainQueue, condition, seconds: float = 60.0) -> None:
    end = time.perf_counter() + seconds
    while not condition():
        assert time.perf_counter() < end, "timed out"
        queue.wait(0.01)
        queue.drain()


class Told:
    """Records what a job tells its owner, and on which thread."""

    def __init__(self) -> None:
        self.events: list[tuple] = []
        self.threads: set[str] = set()

    def note(self, *event) -> None:
        self.events.append(event)
        self.threads.add(threading.current_thread().name)

    def job(self, work, title: str = "test") -> Job:
        return Job(
            title,
            work,
            on_finished=lambda result: self.note("finished", result),
            on_failed=lambda error: self.note("failed", type(error).__name__, str(error)),
            on_cancelled=lambda: self.note("cancelled"),
            on_progress=lambda fraction, what: self.note("progress", fraction, what),
        )


def three_steps(context):
    for index in range(3):
        context.progress(index / 3, f"step {index}")
    return "done"


@pytest.fixture
def thread():
    queue = MainQueue()
    executor = ThreadExecutor(queue.post)
    yield queue, executor
    executor.shutdown(2)


def test_manual_executor_runs_only_when_told():
    told, executor = Told(), ManualExecutor()
    job = told.job(three_steps).start(executor)
    assert told.events == []
    assert job.state is JobState.WAITING
    assert executor.run_next()
    assert told.events == [
        ("progress", 0.0, "step 0"),
        ("progress", 1 / 3, "step 1"),
        ("progress", 2 / 3, "step 2"),
        ("finished", "done"),
    ]
    assert job.done
    assert not executor.run_next()


def test_everything_is_told_on_the_main_thread_and_in_order(thread):
    queue, executor = thread
    told = Told()
    job = told.job(three_steps).start(executor)
    drain_until(queue, lambda: job.done)
    assert told.events[-1] == ("finished", "done")
    steps = [e for e in told.events if e[0] == "progress"]
    assert told.events == [*sorted(steps), ("finished", "done")]
    assert steps[-1] == ("progress", 2 / 3, "step 2"), "one that waits is replaced by a newer one; the last arrives"
    assert told.threads == {threading.current_thread().name}
    assert executor.alive


def test_only_the_newest_progress_waits():
    queue = MainQueue()
    executor, told = ManualExecutor(queue.post), Told()
    told.job(three_steps).start(executor)
    executor.run_all()
    queue.drain()
    assert [e for e in told.events if e[0] == "progress"] == [("progress", 2 / 3, "step 2")]


def test_failure_reaches_the_owner_with_its_sentence(thread):
    queue, executor = thread
    told = Told()

    def fail(context):
        raise ValueError("The slice has no pixels.")

    job = told.job(fail).start(executor)
    drain_until(queue, lambda: job.done)
    assert told.events == [("failed", "ValueError", "The slice has no pixels.")]
    # and the worker lives on
    after = told.job(lambda context: 7).start(executor)
    drain_until(queue, lambda: after.done)
    assert told.events[-1] == ("finished", 7)


def test_cancel_before_the_start_never_runs_the_work():
    told, executor, ran = Told(), ManualExecutor(), []
    job = told.job(lambda context: ran.append(1)).start(executor)
    job.cancel()
    executor.run_all()
    assert told.events == [("cancelled",)]
    assert not ran


def test_cancel_within_half_a_second_and_nothing_arrives_afterwards(thread):
    queue, executor = thread
    told, running, done = Told(), threading.Event(), []

    def slow_network(context):
        for block in range(2000):  # a block's hook asks, as the engine's networks do
            raise_if_cancelled(context.should_cancel)
            context.progress(block / 2000, "block")
            done.append(block)
            running.set()
            time.sleep(0.005)

    job = told.job(slow_network).start(executor)
    assert running.wait(60)
    queue.drain()
    job.cancel()
    blocks = len(done)
    before = len(told.events)
    drain_until(queue, lambda: job.done)
    assert len(done) <= blocks + 1, "at most the block that had begun is finished"
    assert told.events[before:] == [("cancelled",)]


def test_work_that_finishes_despite_cancel_is_not_delivered():
    told, executor = Told(), ManualExecutor()

    def stubborn(context):
        job.cancel()
        return "too late"

    job = told.job(stubborn).start(executor)
    executor.run_all()
    assert told.events == [("cancelled",)]
    assert job.state is JobState.CANCELLED


def test_cancelled_error_of_the_engine_counts_as_cancelled():
    told, executor = Told(), ManualExecutor()

    def work(context):
        raise CancelledError("Cancelled; nothing was changed.")

    told.job(work).start(executor)
    executor.run_all()
    assert told.events == [("cancelled",)]


def test_a_job_starts_once():
    executor = ManualExecutor()
    job = Job("once", lambda context: None).start(executor)
    with pytest.raises(RuntimeError, match="already started"):
        job.start(executor)


def test_a_failing_callback_is_logged_and_the_others_run(caplog):
    queue, seen = MainQueue(), []
    queue.post(lambda: 1 / 0)
    queue.post(lambda: seen.append(1))
    with caplog.at_level(logging.ERROR, "evanyseg"):
        assert queue.drain() == 2
    assert seen == [1]
    assert "callback failed" in caplog.text


def test_drain_keeps_to_its_budget():
    queue = MainQueue()
    for _ in range(50):
        queue.post(lambda: time.sleep(0.005))
    count = queue.drain(0.02)
    assert 0 < count <= 5, "five of them take longer than the budget, on any machine"
    assert len(queue) == 50 - count
    assert queue.wait(0), "what is left must wake the next wait at once"


def test_runner_tells_when_work_begins_and_ends():
    executor, activity = ManualExecutor(), []
    runner = JobRunner(lambda device: executor, activity.append)
    first = runner.run(Job("a", lambda context: 1))
    runner.run(Job("b", lambda context: 2))
    assert (runner.active, activity) == (True, [True])
    runner.cancel_all()
    executor.run_all()
    assert first.state is JobState.CANCELLED
    assert (runner.active, activity) == (False, [True, False])


def test_one_thread_per_device():
    queue = MainQueue()
    threads = DeviceThreads(queue.post)
    names: dict[str, list[str]] = {"cpu": [], "cuda": []}
    runner = JobRunner(threads.for_device)
    for device in ("cpu", "cuda", "cpu"):
        runner.run(Job(device, lambda c, d=device: names[d].append(threading.current_thread().name)), device)
    drain_until(queue, lambda: not runner.active)
    assert names == {"cpu": ["evanyseg-cpu"] * 2, "cuda": ["evanyseg-cuda"]}
    threads.shutdown(2)
