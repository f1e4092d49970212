"""The routes, as OpenAPI describes them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.security import HTTPBearer

from .. import __version__
from ..remote.wire import ARRAYS, PROTOCOL, SESSION_HEADER, bytes_hash, content_hash, image_of
from . import learning, work
from .guard import HEALTH
from .loaded import told_of_estimator, told_of_segmenter
from .refusal import BAD, SIZE, Refusal
from .schemas import (
    AdaptRequest,
    Answer,
    EmbedRequest,
    JobName,
    Key,
    MeasureRequest,
    Name,
    OpenSession,
    ScoreRequest,
    SegmentRequest,
    documented,
)
from .service import Service, refusals, run, service_of
from .sessions import Session

API = "/v1"
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": words, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}}}
    for status, words in {
        400: "No JSON", 401: "Wrong token", 403: "Not from this computer", 404: "Not here", 408: "It took too long",
        409: "Cancelled", 411: "No length told", 413: "Too large", 422: "It cannot be used; the message says why",
        429: "Too many wait",
    }.items()
}  # fmt: skip
BYTES = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
bearer = HTTPBearer(auto_error=False, description="The token that the server was started with")
router = APIRouter(prefix=API, responses=REFUSALS, dependencies=[Depends(bearer)])


def _session(
    request: Request, told: Annotated[str, Header(alias=SESSION_HEADER, description="As POST /v1/sessions named it")]
) -> Session:
    return service_of(request).sessions.get(told, request.scope["evanyseg_token"])


TheService = Annotated[Service, Depends(service_of)]
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


@router.put("/images/{key}", status_code=204, openapi_extra=BYTES)
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

    with refusals():
        await asyncio.to_thread(kept)


@router.get("/segmenters/{name}")
async def describe_segmenter(
    request: Request, service: TheService, session: TheSession, name: Annotated[Name, Path()]
) -> Answer:
    """Loads it; what it understands and where it runs."""
    told = await run(request, session, None, lambda cancel: told_of_segmenter(service.models.segmenter(name)))
    return Answer.model_validate(told)


@router.get("/estimators/{name}")
async def describe_estimator(
    request: Request, service: TheService, session: TheSession, name: Annotated[Name, Path()]
) -> Answer:
    """Loads it; its interval's level and where it runs."""
    told = await run(request, session, None, lambda cancel: told_of_estimator(service.models.estimator(name)))
    return Answer.model_validate(told)


@router.post("/embed", status_code=204)
async def embed(request: Request, service: TheService, session: TheSession, asked: EmbedRequest) -> None:
    """Encode an image before it is asked about."""
    await run(request, session, asked.job, lambda cancel: work.embed(service.models, session, asked, cancel))


@router.post("/segment", response_class=Response, responses=documented("logits [K, H, W], predicted_iou, stability"))
async def segment(request: Request, service: TheService, session: TheSession, asked: SegmentRequest) -> Response:
    """Masks of a box, points, or both."""
    done = lambda cancel: work.segment(service.models, session, asked, cancel)
    return Response(await run(request, session, asked.job, done), media_type=ARRAYS)


@router.post("/score", response_class=Response, responses=documented("estimates, and their error maps [H, W]"))
async def score(request: Request, service: TheService, session: TheSession, asked: ScoreRequest) -> Response:
    """Predicted quality of masks."""
    if len(asked.cases) > service.limits.cases:
        raise Refusal(413, SIZE, f"{service.limits.cases} masks at a time are scored here; send fewer.")
    done = lambda cancel: work.score(service.models, session, asked, cancel)
    return Response(await run(request, session, asked.job, done), media_type=ARRAYS)


@router.post("/measure", status_code=204)
async def measure(request: Request, service: TheService, session: TheSession, asked: MeasureRequest) -> None:
    """What a reference has to teach; kept for `adapt`."""
    await run(request, session, asked.job, lambda cancel: learning.measure(service.models, session, asked, cancel))


@router.post("/adapt", response_class=Response, responses=documented("what was learned (a file), and its check"))
async def adapt(request: Request, service: TheService, session: TheSession, asked: AdaptRequest) -> Response:
    """Learn from references."""
    if len(asked.references) > service.limits.references:
        raise Refusal(413, SIZE, f"{service.limits.references} references at a time are learned from here; send fewer.")
    done = lambda cancel: learning.learn(service.models, service.queue, session, asked, cancel)
    return Response(await run(request, session, asked.job, done, service.learners), media_type=ARRAYS)


@router.put("/learned/{key}", status_code=204, openapi_extra=BYTES)
async def send_learned(request: Request, service: TheService, session: TheSession, key: Annotated[Key, Path()]) -> None:
    """A file of `evanyseg adapt`, to score with. `key`: BLAKE2b (16 bytes) of it."""
    content = await request.body()

    def kept(cancel: Callable[[], bool]) -> None:
        if bytes_hash(content) != key:
            raise Refusal(422, BAD, "These bytes have another hash; they were damaged on the way: send them again.")
        learning.keep_learned(service.models, session, key, content)

    await run(request, session, None, kept)


@router.delete("/jobs/{job}", status_code=204)
async def cancel(session: TheSession, job: Annotated[JobName, Path()]) -> None:
    """Cancel a request of this session by the name that it was given; one that has ended is no error."""
    if (task := session.tasks.get(job)) is not None:
        task.cancel()
