"""Who may talk to the server: a token, the right Host, the right Origin, and one page at a time.

The token in the printed address becomes a cookie that scripts and other sites cannot send (HttpOnly, SameSite=Strict).
A first small page asks whether another tab has the session before it hands over to the real one.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SOCKET = "/ws"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
TAKEN = 4001
"""Web socket close code: another tab has taken the session over."""

REFUSED = "This page opens only with the address that was printed when the server started (it holds a token)."

DOOR = Path(__file__).with_name("static") / "door.html"


class Guard:
    """Middleware and routes. token: the secret; hosts: names the Host header may have; port is known once bound."""

    def __init__(self, token: str, hosts: set[str]) -> None:
        self._token = token
        self._hosts = {host.lower() for host in hosts}
        self._cookie = f"evanyseg-{secrets.token_hex(4)}"  # cookies are shared by all ports of a host
        self._passes: set[str] = set()
        self._live: web.Request | None = None
        self.drop: Callable[[], Awaitable[None]] | None = None
        """Closes the web sockets that are open."""

    def install(self, app: web.Application) -> None:
        """Before the server starts: later routes and handlers are behind it too."""
        app.middlewares.append(self._middleware())
        app.router.add_get("/", self._door)
        app.router.add_get("/index.html", self._door)
        app.router.add_post("/door/open", self._open)
        app.router.add_post("/door/take", self._take)

    @property
    def occupied(self) -> bool:
        return self._live is not None

    def _middleware(self) -> Middleware:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            if (problem := self._problem(request)) is not None:
                return problem
            if request.path == SOCKET:
                return await self._socket(request, handler)
            if request.path == "/index.html" and self._has_pass(request):
                response: web.StreamResponse = web.FileResponse(self.page)
            else:
                response = await handler(request)
            if not response.prepared:
                for name, value in HEADERS.items():
                    response.headers.setdefault(name, value)
            return response

        return guard

    page = ""
    """trame's own index.html."""

    def _problem(self, request: web.Request) -> web.Response | None:
        host = request.host.lower()
        name = urlsplit(f"//{host}").hostname or ""
        if name not in self._hosts:
            return web.Response(status=421, text=f"This server does not answer to the name {name!r}.")
        if request.path == "/" and "token" in request.query and self._right(request.query["token"]):
            response = web.Response(status=303, headers={"Location": "/", **HEADERS})
            response.set_cookie(self._cookie, self._token, httponly=True, samesite="Strict", path="/")
            return response
        if not self._right(request.cookies.get(self._cookie, "")):
            return web.Response(status=403, text=REFUSED)
        if request.path == SOCKET or request.method not in ("GET", "HEAD"):
            origin = urlsplit(request.headers.get("Origin", ""))
            if origin.netloc.lower() != host or origin.scheme not in ("http", "https"):
                return web.Response(status=403, text="Another site's page may not talk to this server.")
        return None

    def _right(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self._token.encode())

    async def _socket(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self.occupied:
            return web.Response(status=409, text="Another tab has the session.")
        self._live = request
        try:
            return await handler(request)
        finally:
            if self._live is request:
                self._live = None

    # ---- one page at a time -----------------------------------------------------------------------------------

    async def _door(self, request: web.Request) -> web.Response:
        return web.Response(text=DOOR.read_text(encoding="utf-8"), content_type="text/html")

    async def _open(self, request: web.Request) -> web.Response:
        return web.json_response({} if self.occupied else {"pass": self._new_pass()})

    async def _take(self, request: web.Request) -> web.Response:
        self._live = None
        if self.drop is not None:
            await self.drop()
        return web.json_response({"pass": self._new_pass()})

    def _new_pass(self) -> str:
        made = secrets.token_urlsafe(8)
        self._passes = {made}
        return made

    def _has_pass(self, request: web.Request) -> bool:
        """Used once: a reload comes to the door again."""
        given = request.query.get("pass", "")
        if given in self._passes:
            self._passes.discard(given)
            return True
        return False
