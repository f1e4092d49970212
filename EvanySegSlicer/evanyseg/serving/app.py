"""The routes, as OpenAPI describes them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from .. import __version__
from ..remote.wire import ARRAYS, PROTOCOL, SESSION_HEADER, content_hash, image_of
from . import work
from .fair_queue import FairQueue
from .guard import HEALTH, Guard
from .limits import Limits
from .loaded import LoadedModels, told_of_estimator, told_of_segmenter
from .refusal import BAD, INTERNAL, MODEL, SIZE, Refusal, body_of, refusal_of
from .schemas import Answer, EmbedRequest, JobName, Key, Name, OpenSession, ScoreRequest, SegmentRequest, documented
from .sessions import Session, Sessions

log = logging.getLogger("evanyseg.serve")
API = "/v1"
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": words, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}}}
    for status, words in {
        400: "No JSON", 401: "Wrong token", 403: "Not from this computer", 404: "Not here", 408: "It took too long",
        409: "Cancelled", 411: "No length told", 413: "Too large", 422: "It cannot be used; the message says why",
        429: "Too many wait",
    }.items()
}  # fmt: skip
bearer = HTTPBearer(auto_error=False, description="The token that the server was started with")
router = APIRouter(prefix=API, responses=REFUSALS, dependencies=[Depends(bearer)])


class Service:
    """What the routes share: models, sessions and the queue."""

    def __init__(self, models: LoadedModels, limits: Limits) -> None:
        self.models, self.limits = models, limits
        self.queue = FairQueue(limits.waiting, limits.work_seconds)
        self.sessions = Sessions(limits, self.queue.forget)


def build_app(models: LoadedModels, limits: Limits, tokens: tuple[str, ...] = ()) -> FastAPI:
    """The application behind its guard. Its worker thread ends with its lifespan."""
    service = Service(models, limits)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(service.queue.close)

    app = FastAPI(
        title="EvanySeg server",
        version=__version__,
        description="Segmentation and quality estimation for thin clients. Research software: not for clinical use.",
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.service = service
    app.include_router(router)
    app.add_middleware(Guard, tokens=tokens, most_bytes=limits.body_bytes)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _unknown)
    app.add_exception_handler(Exception, _unexpected)
    return app


def _service(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


def _session(
    request: Request, told: Annotated[str, Header(alias=SESSION_HEADER, description="As POST /v1/sessions named it")]
) -> Session:
    return _service(request).sessions.get(told, request.scope["evanyseg_token"])


TheService = Annotated[Service, Depends(_service)]
TheSession = Annotated[Session, Depends(_session)]


@router.get(HEALTH.removeprefix(API))
async def health(service: TheService) -> Answer:
    """Whether it is there; the only thing that is told without a token."""
    return Answer.model_validate({"status": "ok", "protocol": PROTOCOL})


@router.get("/status")
async def status(service: TheService) -> Answer:
    """Models, limits, and how much is going on."""
    limits = service.limits
    return Answer.model_validate(
        {
            "version": __version__,
            "protocol": PROTOCOL,
            "models": service.models.names(),
            "sessions": len(service.sessions),
            "waiting": service.queue.waiting,
            "limits": {"body_bytes": limits.body_bytes, "pixels": limits.pixels, "cases": limits.cases},
        }
    )


@router.post("/sessions", status_code=201)
async def open_session(request: Request, service: TheService, asked: OpenSession) -> Answer:
    """A new session: its name goes into the header of all further requests."""
    if asked.protocol != PROTOCOL:
        raise Refusal(422, BAD, f"The server speaks protocol {PROTOCOL}, the client {asked.protocol}: update one.")
    session = service.sessions.open(request.scope["evanyseg_token"])
    told = {"session": session.name, "idle_seconds": service.limits.idle_seconds, "cases": service.limits.cases}
    return Answer.model_validate(told)


@router.delete("/sessions", status_code=204)
async def close_session(service: TheService, session: TheSession) -> None:
    """Forget everything of this session; what it waits for is cancelled."""
    service.sessions.close(session.name)


@router.put(
    "/images/{key}",
    status_code=204,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def send_image(
    request: Request,
    service: TheService,
    session: TheSession,
    key: Annotated[Key, Path()],
    height: Annotated[int, Query(ge=2, le=65536)],
    width: Annotated[int, Query(ge=2, le=65536)],
    channels: Annotated[int, Query(ge=1, le=3)],
) -> None:
    """8-bit pixels, rows first, 1 channel (gray) or 3. `key`: BLAKE2b (16 bytes) of 'HEIGHTxWIDTH:' and the pixels."""
    if channels == 2:
        raise Refusal(422, BAD, "An image has 1 channel (gray) or 3.")
    if height * width > service.limits.pixels:
        raise Refusal(
            413, SIZE, f"An image of {width} x {height} pixels is too large ({service.limits.pixels} at most)."
        )
    pixels = await request.body()

    def kept() -> None:
        image = image_of(pixels, height, width, channels)
        if content_hash(pixels, height, width) != key:
            raise Refusal(422, BAD, "These pixels have another hash; they were damaged on the way: send them again.")
        session.keep(key, image)

    with _refusals():
        await asyncio.to_thread(kept)


@router.get("/segmenters/{name}")
async def describe_segmenter(
    request: Request, service: TheService, session: TheSession, name: Annotated[Name, Path()]
) -> Answer:
    """Loads it; what it understands and where it runs."""
    told = await _run(request, session, None, lambda cancel: told_of_segmenter(service.models.segmenter(name)))
    return Answer.model_validate(told)


@router.get("/estimators/{name}")
async def describe_estimator(
    request: Request, service: TheService, session: TheSession, name: Annotated[Name, Path()]
) -> Answer:
    """Loads it; its interval's level and where it runs."""
    told = await _run(request, session, None, lambda cancel: told_of_estimator(service.models.estimator(name)))
    return Answer.model_validate(told)


@router.post("/embed", status_code=204)
async def embed(request: Request, service: TheService, session: TheSession, asked: EmbedRequest) -> None:
    """Encode an image before it is asked about."""
    await _run(request, session, asked.job, lambda cancel: work.embed(service.models, session, asked, cancel))


@router.post("/segment", response_class=Response, responses=documented("logits [K, H, W], predicted_iou, stability"))
async def segment(request: Request, service: TheService, session: TheSession, asked: SegmentRequest) -> Response:
    """Masks of a box, points, or both."""
    done = lambda cancel: work.segment(service.models, session, asked, cancel)
    return Response(await _run(request, session, asked.job, done), media_type=ARRAYS)


@router.post("/score", response_class=Response, responses=documented("estimates, and their error maps [H, W]"))
async def score(request: Request, service: TheService, session: TheSession, asked: ScoreRequest) -> Response:
    """Predicted quality of masks."""
    if len(asked.cases) > service.limits.cases:
        raise Refusal(413, SIZE, f"{service.limits.cases} masks at a time are scored here; send fewer.")
    done = lambda cancel: work.score(service.models, session, asked, cancel)
    return Response(await _run(request, session, asked.job, done), media_type=ARRAYS)


@router.delete("/jobs/{job}", status_code=204)
async def cancel(session: TheSession, job: Annotated[JobName, Path()]) -> None:
    """Cancel a request of this session by the name that it was given; one that has ended is no error."""
    if (task := session.tasks.get(job)) is not None:
        task.cancel()


async def _run(request: Request, session: Session, job: str | None, done: Callable[[Callable[[], bool]], Any]) -> Any:
    """What `done` answers, when it is this session's turn. A client that goes away cancels."""
    with _refusals():
        task = _service(request).queue.submit(session.name, done)
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
def _refusals() -> Any:
    try:
        yield
    except Exception as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error


def _said(status: int, kind: str, message: str) -> Response:
    return Response(body_of(kind, message), status, media_type="application/json")


async def _refused(request: Request, error: Any) -> Response:
    return _said(error.status, error.kind, str(error))


async def _invalid(request: Request, error: Any) -> Response:
    """Where it is wrong and why; what was sent is not sent back."""
    found = error.errors()[0] if error.errors() else {"loc": (), "msg": "it cannot be read"}
    where = ".".join(str(part) for part in found["loc"])[:200]
    return _said(422, BAD, f"{where}: {found['msg']}"[:400])


async def _unknown(request: Request, error: Any) -> Response:
    return _said(error.status_code, MODEL if error.status_code == 404 else BAD, str(error.detail)[:400])


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("A request failed", exc_info=error)
    return _said(500, INTERNAL, "The server failed; its log says why.")
