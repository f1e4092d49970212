"""The application: routes behind their guard, and what is said when something is wrong."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from .. import __version__
from .guard import Guard
from .limits import Limits
from .loaded import LoadedModels
from .refusal import BAD, INTERNAL, MODEL, Refusal, body_of
from .routes import API, router
from .service import Service

EXPIRE_S = 30.0
log = logging.getLogger("evanyseg.serve")


def build_app(models: LoadedModels, limits: Limits, tokens: tuple[str, ...] = ()) -> FastAPI:
    """The application behind its guard. Its worker thread ends with its lifespan."""
    service = Service(models, limits)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        expiring = asyncio.create_task(_expire(service))
        yield
        expiring.cancel()
        await asyncio.to_thread(service.close)

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


async def _expire(service: Service) -> None:
    """Sessions that are idle are forgotten also while nobody asks for anything."""
    while True:
        await asyncio.sleep(min(EXPIRE_S, service.limits.idle_seconds))
        service.sessions.expire()


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
