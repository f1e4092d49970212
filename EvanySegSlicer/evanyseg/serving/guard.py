"""Who may talk to the server, and how much: before a byte of a request's body is read."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from .refusal import HOST, SIZE, TOKEN, Refusal, body_of

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

HEALTH = "/v1/health"
"""Answers without a token, so that supervisors can ask."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
HEADERS = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]


class Guard:
    """ASGI middleware. tokens: any of them opens the door; none: only this computer's own programs are answered (the
    Host header names the loopback, and no web page is asking). The request's scope tells which token it was:
    `scope["evanyseg_token"]`."""

    def __init__(self, app: App, tokens: Sequence[str], most_bytes: int) -> None:
        self.app, self.tokens, self.most_bytes = app, tuple(tokens), most_bytes

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        try:
            scope["evanyseg_token"] = self._token(scope["path"], headers)
            self._check_size(headers)
            await self.app(scope, receive, _marked(send))
        except Refusal as refusal:
            await _refuse(send, refusal)

    def _token(self, path: str, headers: dict[bytes, bytes]) -> str:
        if path == HEALTH:
            return ""
        if not self.tokens:
            if _name(headers.get(b"host", b"").decode("latin-1")) not in LOOPBACK or b"origin" in headers:
                raise Refusal(403, HOST, "Without a token this server answers programs of its own computer only.")
            return ""
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        # every token is compared, in constant time: neither how much of one fits nor which one it is can be timed
        fits = [hmac.compare_digest(given.strip(), token.encode()) for token in self.tokens]
        if scheme.lower() != b"bearer" or not any(fits):
            raise Refusal(401, TOKEN, "This server wants a token: 'Authorization: Bearer TOKEN'.")
        return self.tokens[fits.index(True)]

    def _check_size(self, headers: dict[bytes, bytes]) -> None:
        """The length of a body is told beforehand (what is sent beyond it is no part of the request)."""
        if b"transfer-encoding" in headers:
            raise Refusal(411, SIZE, "Tell the length of the body beforehand (Content-Length), not in chunks.")
        told = headers.get(b"content-length", b"0")
        if told.isdigit() and int(told[:20]) > self.most_bytes:
            raise Refusal(413, SIZE, f"A request may have {self.most_bytes} bytes here; send less at a time.")


def _name(host: str) -> str:
    """The name in a Host header, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _marked(send: Send) -> Send:
    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *HEADERS]}
        await send(message)

    return marked


async def _refuse(send: Send, refusal: Refusal) -> None:
    body = body_of(refusal.kind, str(refusal))
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *HEADERS]
    headers += [(b"www-authenticate", b"Bearer")] if refusal.status == 401 else []
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
