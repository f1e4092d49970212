"""What the routes share: models, sessions, the queue, and how a request waits for its turn."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from fastapi import Request

from .fair_queue import FairQueue
from .limits import Limits
from .loaded import LoadedModels
from .refusal import refusal_of
from .sessions import Session, Sessions


class Service:
    """One server's."""

    def __init__(self, models: LoadedModels, limits: Limits) -> None:
        self.models, self.limits = models, limits
        self.queue = FairQueue(limits.waiting, limits.work_seconds)
        self.learners = FairQueue(2, 4 * limits.work_seconds)
        """Trees are fitted here: others go on meanwhile."""
        self.sessions = Sessions(limits, self._ended)

    def close(self) -> None:
        """Cancel everything and end the threads."""
        for queue in (self.learners, self.queue):
            queue.close()

    def _ended(self, session: str) -> None:
        for queue in (self.learners, self.queue):
            queue.forget(session)


async def run(
    request: Request,
    session: Session,
    job: str | None,
    done: Callable[[Callable[[], bool]], Any],
    queue: FairQueue | None = None,
) -> Any:
    """What `done` answers, when it is this session's turn (`queue`: of others than the worker's). A client that goes
    away cancels."""
    with refusals():
        task = (queue or service_of(request).queue).submit(session.name, done)
        name = job or f"unnamed {id(task)}"
        session.tasks[name] = task
        gone = asyncio.create_task(_cancel_when_gone(request, task.cancel))
        try:
            return await asyncio.wrap_future(task.future)
        finally:
            gone.cancel()
            session.tasks.pop(name, None)


async def _cancel_when_gone(request: Request, cancel: Callable[[], None]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    cancel()


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """What the engine raises within becomes a `Refusal`."""
    try:
        yield
    except Exception as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error


def service_of(request: Request) -> Service:
    found: Service = request.app.state.service
    return found
